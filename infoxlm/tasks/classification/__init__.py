"""One label for each pair of texts."""
