"""Samplers of the examples of each optimizer step: a pure function of seed and step."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Protocol

import numpy as np

from infoxlm.data.permutation import permuted
from infoxlm.errors import UserError
from infoxlm.tokenization.token_ids import offsets_from

#: Draws after which every language has had exactly its share.
ROUND = 10_000


class Sampler(Protocol):
    """The examples of each optimizer step.

    Attributes:
        per_epoch: Optimizer steps until as many examples were drawn as there are.
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


class LanguageSampler:
    """The examples of each optimizer step, languages being drawn by their size to a power.

    So Conneau & Lample (2019) keep small languages from being lost. Draws go in rounds of `ROUND`:
    in each a language has the same number of draws, its share rounded by largest remainder, and at
    least one; the round's order is random. Each language goes through its own examples in epochs,
    each in another order. A batch crosses rounds and epochs. Nothing of the corpus' size is kept
    or computed.

    Args:
        sizes: The number of examples of each language, which are numbered one language after the
            other.
        alpha: The power: 1 draws examples alike, 0 languages.
        size: Examples of a batch, the effective batch size.
        seed: The seed of the order.

    Attributes:
        per_epoch: Optimizer steps until as many examples were drawn as there are.
        shares: The part of the draws that each language has.
    """

    def __init__(self, sizes: Mapping[str, int], alpha: float, size: int, seed: int) -> None:
        self._sizes = np.array(list(sizes.values()), np.int64)
        self._starts = offsets_from(self._sizes)
        self._quotas = quotas(self._sizes, alpha)
        self._ends = np.cumsum(self._quotas)
        self.size = size
        self.seed = seed
        self.per_epoch = -(-int(self._sizes.sum()) // size)
        self.shares = dict(zip(sizes, (self._quotas / ROUND).tolist(), strict=True))

    def rows(self, step: int) -> np.ndarray:
        """The examples of a step (0 is the first): their numbers, int64 ``[size]``."""
        draws = np.arange(step * self.size, (step + 1) * self.size)
        rounds, places = np.divmod(draws, ROUND)
        slots = permuted(places, ROUND, self.seed, rounds)
        language = np.searchsorted(self._ends, slots, side="right")
        quota, size = self._quotas[language], self._sizes[language]
        drawn_before = rounds * quota + slots - (self._ends[language] - quota)
        epochs, positions = np.divmod(drawn_before, size)
        return self._starts[language] + permuted(positions, size, self.seed, language, epochs)


def quotas(sizes: np.ndarray, alpha: float) -> np.ndarray:
    """The draws of each language in a round, int64 ``[languages]``; their sum is `ROUND`.

    Args:
        sizes: The number of examples of each language, int64 ``[languages]``.
        alpha: The power of the sizes that draws are proportional to.

    Raises:
        UserError: There are no examples, or more languages than draws.
    """
    present = sizes > 0
    if not 0 < present.sum() <= ROUND:
        raise UserError(
            f"{present.sum():,} languages have examples to draw",
            f"Give examples of at least one language, and of at most {ROUND:,}.",
        )
    weights = np.where(present, sizes.astype(np.float64) ** alpha, 0.0)
    exact = ROUND * weights / weights.sum()
    rounded = np.maximum(np.floor(exact).astype(np.int64), present)
    missing = ROUND - int(rounded.sum())
    if missing >= 0:
        rounded[np.argsort(rounded - exact, kind="stable")[:missing]] += 1
    else:  # what languages got that are too small for one
        rounded[np.argmax(rounded)] += missing
    return rounded
