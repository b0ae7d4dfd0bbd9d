"""A model folder on disk: its configuration, weights and labels."""
