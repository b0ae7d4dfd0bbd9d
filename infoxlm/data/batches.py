"""Sequences of similar length, cut into batches that fit the hardware."""

from collections.abc import Iterator

import numpy as np


def micro_batches(
    lengths: np.ndarray, max_tokens: int, max_rows: int | None = None
) -> Iterator[np.ndarray]:
    """Cut sequences into batches of similar length, the longest first.

    The gradient of a batch is a sum over its examples, so how they are grouped changes only the
    padding and the time it takes.

    Args:
        lengths: Tokens of each sequence, int64 ``[n]``.
        max_tokens: Most tokens in a batch, padding included; a longer sequence goes alone.
        max_rows: Most sequences in a batch; None: only the tokens count.

    Yields:
        Positions in ``lengths``, each exactly once.
    """
    order = np.argsort(-lengths, kind="stable")
    start = 0
    while start < len(order):
        rows = max(1, max_tokens // int(lengths[order[start]]))
        rows = min(rows, max_rows or rows)
        yield order[start : start + rows]
        start += rows
