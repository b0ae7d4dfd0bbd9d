"""Scores of any task by language, how sure they are, and reports of them."""
