"""Translations found by the encoder's vectors: Tatoeba, and any pairs while pre-training."""
