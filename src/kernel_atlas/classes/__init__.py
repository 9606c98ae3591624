"""From kernels to classes, and what controls give."""
