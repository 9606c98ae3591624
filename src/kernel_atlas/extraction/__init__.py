"""From a model's source to its group in the store."""
