"""Sharding of examples among ranks."""

import numpy as np


def shard(lengths: np.ndarray, ranks: int) -> list[np.ndarray]:
    """Shard sequences so that every rank has as many tokens, nearly, and as long ones.

    The longest goes to the first rank, the next to the second, and at the end the turn comes back
    (0 1 2 2 1 0 0 1 ...), so that no rank always has the longer one. Numbers of rows differ by one
    at most, and the tokens of two ranks by no more than the longest sequence has.

    Args:
        lengths: Tokens of each sequence, int64 ``[n]``.
        ranks: How many ranks there are; some get nothing when it is more than `n`.

    Returns:
        The positions of each rank's sequences, int64, ascending; each position exactly once.
    """
    order = np.argsort(-lengths, kind="stable")
    turn = np.arange(len(order)) % (2 * ranks)
    rank_of = np.minimum(turn, 2 * ranks - 1 - turn)
    return [np.sort(order[rank_of == rank]) for rank in range(ranks)]
