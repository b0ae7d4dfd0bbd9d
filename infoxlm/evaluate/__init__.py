"""Scores of a run: accuracy per language, how sure it is, and reports of it."""
