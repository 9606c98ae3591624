"""Networks trained from a chosen start (paper, Appendices D and F to H)."""
