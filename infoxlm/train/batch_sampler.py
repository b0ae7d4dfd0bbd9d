"""Which examples make up each optimizer step."""

from functools import lru_cache

import numpy as np


@lru_cache(maxsize=1)
def epoch_order(examples: int, seed: int, epoch: int) -> np.ndarray:
    """The order in which an epoch goes through the training pairs, int64 ``[examples]``."""
    return np.random.default_rng([seed, epoch]).permutation(examples)


class BatchSampler:
    """The examples of each optimizer step, drawn without replacement epoch by epoch.

    A window never crosses an epoch: the last one of an epoch holds what is left, and is an
    optimizer step over just those examples.

    Args:
        examples: Number of training pairs.
        size: Pairs of a window, the effective batch size.
        seed: What the order follows from.
    """

    def __init__(self, examples: int, size: int, seed: int) -> None:
        self.examples = examples
        self.size = size
        self.seed = seed
        self.per_epoch = -(-examples // size)

    def rows(self, step: int) -> np.ndarray:
        """The pairs of a step (0 is the first): row numbers, int64 ``[at most size]``."""
        epoch, window = divmod(step, self.per_epoch)
        order = epoch_order(self.examples, self.seed, epoch)
        return order[window * self.size : (window + 1) * self.size]
