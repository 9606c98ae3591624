"""From a source URI to a file."""
