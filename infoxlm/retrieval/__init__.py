"""Finding translations by the encoder's vectors (Tatoeba)."""
