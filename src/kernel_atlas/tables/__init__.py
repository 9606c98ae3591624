"""From classes to tables across models."""
