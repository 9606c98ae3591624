"""Networks trained from a chosen start, and what becomes of their kernels."""
