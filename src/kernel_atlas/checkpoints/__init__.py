"""From a file to layers of kernels."""
