"""What neighbouring projects measure, from the kernels alone (docs/measures.md)."""
