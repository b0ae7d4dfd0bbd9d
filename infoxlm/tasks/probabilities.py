"""Probabilities out of scores, and how many digits of them are written."""

import numpy as np

#: Digits of a probability in files.
DIGITS = 6


def softmax(logits: np.ndarray) -> np.ndarray:
    """Softmax over the last axis, computed in float64."""
    shifted = logits.astype(np.float64) - logits.max(axis=-1, keepdims=True)
    powers = np.exp(shifted)
    return powers / powers.sum(axis=-1, keepdims=True)
