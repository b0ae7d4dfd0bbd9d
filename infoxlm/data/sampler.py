"""Samplers of the examples of each optimizer step: a pure function of seed and step."""

from functools import lru_cache
from typing import Protocol

import numpy as np


class Sampler(Protocol):
    """The examples of each optimizer step.

    Attributes:
        per_epoch: Optimizer steps until every example was drawn once.
    """

    per_epoch: int

    def rows(self, step: int) -> np.ndarray:
        """The examples of a step (0 is the first): their numbers, int64 ``[n]``."""


@lru_cache(maxsize=1)
def epoch_order(examples: int, seed: int, epoch: int) -> np.ndarray:
    """The order in which an epoch goes through the examples, int64 ``[examples]``."""
    return np.random.default_rng([seed, epoch]).permutation(examples)


class EpochSampler:
    """The examples of each optimizer step, drawn without replacement epoch by epoch.

    A batch never crosses an epoch: the last one of an epoch holds what is left, and is an
    optimizer step over just those examples.

    Args:
        examples: Their number.
        size: Examples of a batch, the effective batch size.
        seed: The seed of the order.
    """

    def __init__(self, examples: int, size: int, seed: int) -> None:
        self.examples = examples
        self.size = size
        self.seed = seed
        self.per_epoch = -(-examples // size)

    def rows(self, step: int) -> np.ndarray:
        """The examples of a step (0 is the first): their numbers, int64 ``[at most size]``."""
        epoch, batch = divmod(step, self.per_epoch)
        order = epoch_order(self.examples, self.seed, epoch)
        return order[batch * self.size : (batch + 1) * self.size]
