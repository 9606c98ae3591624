"""Networks trained from a chosen start, and their kernels (Appendices D and F to H)."""
