"""Selection of the waiting pairs that make a batch, and their layout."""

from collections.abc import Sequence

import numpy as np

from infoxlm.tokenization.token_ids import TokenIds, offsets_from

#: Most of a batch that may be padding. With 64 clients that send a pair each, this computes
#: a tenth less than filling every batch; with fewer clients, a fifth.
PADDING = 0.1


def nearest_rows(lengths: Sequence[int], batch_tokens: int) -> list[int]:
    """Choose the first of some rows and those nearest to it in length, as many as fit.

    Args:
        lengths: Tokens of each row, the one that has waited longest first.
        batch_tokens: Most tokens of a batch, padding included.

    Returns:
        Places in `lengths`.
    """
    first = lengths[0]
    chosen: list[int] = []
    width = tokens = 0
    for place in sorted(range(len(lengths)), key=lambda place: abs(lengths[place] - first)):
        width = max(width, lengths[place])
        tokens += lengths[place]
        padded = width * (len(chosen) + 1)
        if chosen and (padded > batch_tokens or padded - tokens > PADDING * padded):
            break
        chosen.append(place)
    return chosen


def padded_batch(rows: Sequence[np.ndarray]) -> np.ndarray:
    """Put rows of token ids into one rectangle, int64 `[rows, longest]`."""
    lengths = np.array([len(row) for row in rows], dtype=np.int64)
    return TokenIds(np.concatenate(rows), offsets_from(lengths)).padded(range(len(rows)))
