"""Extractive question answering: the answer is a piece of a context."""
