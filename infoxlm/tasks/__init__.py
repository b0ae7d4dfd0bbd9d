"""Tasks: what a model is trained for and scored by; a folder each."""
