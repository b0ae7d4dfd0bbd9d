"""What a model is trained for: a folder a task."""
