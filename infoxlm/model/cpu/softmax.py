"""Softmax over short rows."""

import numpy as np

#: A sum of exponentials outside of these has lost digits or is infinite; then rows are shifted.
LOWEST, HIGHEST = 1e-20, 1e37


def softmax(scores: np.ndarray) -> None:
    """Turn scores into probabilities along the last axis, in place.

    The customary shift by each row's maximum changes nothing but the range of the exponentials, and
    finding the maxima takes longer than all the rest: it is done only where it is needed.

    Args:
        scores: float32, any shape.
    """
    with np.errstate(over="ignore"):
        probabilities = np.exp(scores)
        sums = np.einsum("...k->...", probabilities)[..., None]
    if not (sums.min() > LOWEST and sums.max() < HIGHEST):
        np.subtract(scores, scores.max(-1, keepdims=True), out=probabilities)
        np.exp(probabilities, out=probabilities)
        sums = np.einsum("...k->...", probabilities)[..., None]
    np.divide(probabilities, sums, out=scores)
