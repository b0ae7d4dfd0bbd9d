"""What a model is trained for and scored by: a folder a task."""
