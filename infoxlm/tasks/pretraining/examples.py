"""Examples of the three losses of pre-training; masks and the like are drawn again in each step."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from infoxlm.constants import NO_LABEL
from infoxlm.data.examples import Batch
from infoxlm.data.stateless_random import random_bits
from infoxlm.tasks.pretraining.sequences import Pairs, Sequences, joined
from infoxlm.tasks.pretraining.stored_examples import NONE, StoredExamples
from infoxlm.tokenization.token_ids import TokenIds

#: Names the draw of orders and sides, apart from those of masks.
_MODE = 12


@dataclass(frozen=True, eq=False)
class MaskedBatch(Batch):
    """Masked sequences; each weighs its masked tokens.

    Attributes:
        labels: The tokens that are learned, `NO_LABEL` elsewhere; rows as those of the sequences.
    """

    labels: TokenIds = NONE

    #: The arrays of token ids; what is negative in them is none.
    token_arrays: ClassVar[tuple[str, ...]] = ("input_ids", "labels")

    def arrays(self, positions: np.ndarray) -> dict[str, np.ndarray]:
        """A micro-batch: ``input_ids`` and ``labels``, int64 ``[k, seq]``, both padded."""
        labels = self.labels.padded(self.index[positions], fill=NO_LABEL)
        return {**super().arrays(positions), "labels": labels}


@dataclass(frozen=True, eq=False)
class MaskedExamples(StoredExamples[Sequences]):
    """Masked sequences: blocks of running text for masked LM, pairs for translation LM."""

    def batch(self, rows: np.ndarray, seed: Sequence[int]) -> MaskedBatch:
        """The batch of an optimizer step: its sequences, masked.

        Args:
            rows: The numbers of the examples, int64 ``[n]``.
            seed: The seed of orders and masks, next to the row: of the run, the step, the stream.
        """
        assert self.masking is not None
        parts, positions = [], []
        for source, numbers, some in self._drawn(rows):
            parts.append(source.take(numbers, rows[some], *seed))
            positions.append(some)
        sequences, order = TokenIds.concatenate(parts), np.concatenate(positions)
        masked = self.masking(sequences, rows[order], *seed)
        places = np.argsort(order)
        weights = masked.counts[places].astype(np.float64)
        return MaskedBatch(masked.token_ids, places, {}, weights, masked.labels)


@dataclass(frozen=True, eq=False)
class ContrastBatch(Batch):
    """Queries and what translates them; each example counts once.

    Attributes:
        keys: The translations, with the same numbers as the queries.
    """

    keys: TokenIds = NONE

    #: The arrays of token ids.
    token_arrays: ClassVar[tuple[str, ...]] = ("input_ids", "key_ids")

    @property
    def lengths(self) -> np.ndarray:
        """Tokens of each example, both sides together, int64 ``[n]``."""
        return super().lengths + self.keys.lengths_of(self.index)

    def arrays(self, positions: np.ndarray) -> dict[str, np.ndarray]:
        """A micro-batch.

        Returns:
            ``input_ids`` and ``key_ids``, int64 ``[k, seq]``, each padded by itself; ``text``, a
            hash of each sentence on both sides, int64 ``[k, 2]``, or ``[k, 4]`` with mixup;
            ``position`` in the batch, int64 ``[k]``.
        """
        keys = self.keys.padded(self.index[positions])
        return {**super().arrays(positions), "key_ids": keys}


@dataclass(frozen=True, eq=False)
class ContrastExamples(StoredExamples[Pairs]):
    """Translation pairs whose sides are encoded apart, for the cross-lingual contrast.

    With mixup an example is two neighbouring pairs, as in Microsoft's code: the first and second,
    the third and fourth, ... of a pair of languages. Each side reads ``<s> a </s> b </s>``, in an
    order of its own. Which side is the query is drawn too.

    Attributes:
        mixup: Whether pairs are joined.
    """

    mixup: bool = True

    def batch(self, rows: np.ndarray, seed: Sequence[int]) -> ContrastBatch:
        """The batch of an optimizer step.

        Args:
            rows: The numbers of the examples, int64 ``[n]``.
            seed: The seed of orders, sides and masks, next to the row: of the run, the step, the
                stream.
        """
        sides: tuple[list[TokenIds], list[TokenIds]] = ([], [])
        texts, positions = [], []
        for source, numbers, some in self._drawn(rows):
            count = 2 if self.mixup else 1
            pairs = source.numbers[(count * numbers[:, None] + np.arange(count)).ravel()]
            token_ids = source.store.take(pairs)
            for side, sentences in zip(sides, self._sides(rows[some], *seed), strict=True):
                side.append(joined(token_ids, sentences.T, source.max_length))
            texts.append(source.store.texts(pairs).reshape(len(numbers), -1))
            positions.append(some)
        both, order = [TokenIds.concatenate(side) for side in sides], np.concatenate(positions)
        if self.masking is not None:
            both = [
                self.masking(x, rows[order], *seed, side).token_ids for side, x in enumerate(both)
            ]
        places = np.argsort(order)
        targets = {"text": np.concatenate(texts)[places], "position": np.arange(len(rows))}
        return ContrastBatch(both[0], places, targets, np.ones(len(rows)), both[1])

    def _sides(self, rows: np.ndarray, *seed: int) -> tuple[np.ndarray, np.ndarray]:
        """The sentences of queries and of keys, int64 ``[k, 1 or 2]`` each.

        Sentences are numbered pair by pair, and pairs example by example.
        """
        count = 2 if self.mixup else 1
        pairs = np.arange(len(rows) * count).reshape(len(rows), count)
        drawn = random_bits(*seed, rows, _MODE)
        first_swapped, second_swapped, exchanged = (
            (drawn >> np.uint64(bit) & np.uint64(1)).astype(bool)[:, None] for bit in range(3)
        )
        first = 2 * np.where(first_swapped, pairs[:, ::-1], pairs)
        second = 2 * np.where(second_swapped, pairs[:, ::-1], pairs) + 1
        return np.where(exchanged, second, first), np.where(exchanged, first, second)

    def _count(self, source: Pairs) -> int:
        """The number of examples of a pair of languages; with mixup an odd pair is left over."""
        return len(source) // 2 if self.mixup else len(source)

    def _sequence(self, place: int) -> int:
        """The pair that an example of a pair of languages begins with."""
        return 2 * place if self.mixup else place
