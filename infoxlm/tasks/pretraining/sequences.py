"""Sequences that a model reads, put together from the sentences of a store."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from infoxlm.constants import BOS_ID, EOS_ID
from infoxlm.data.stateless_random import random_bits
from infoxlm.files.array_file import MappedArray
from infoxlm.tasks.pretraining.held_out import AllBut
from infoxlm.tasks.pretraining.token_store import TokenStore
from infoxlm.tokenization.token_ids import TokenIds, offsets_from, ranges
from infoxlm.tokenization.tokenizer import longest_first

#: Names the draw of a pair's order, apart from those of its masks.
_ORDER = 11


class Sequences(Protocol):
    """The sequences of one language, or of pairs of two."""

    @property
    def language(self) -> str:
        """The language's code, or two joined by a hyphen."""

    @property
    def store(self) -> TokenStore:
        """The sentences."""

    def __len__(self) -> int: ...

    def take(self, numbers: np.ndarray, rows: np.ndarray, *seed: int) -> TokenIds:
        """Some sequences, in memory.

        Args:
            numbers: Which of them, int64 ``[n]``.
            rows: Their numbers among those of all languages, which draws follow from.
            *seed: The seed of the draws.
        """

    def row(self, number: int) -> int:
        """The row of the store that a sequence begins with."""

    def release(self) -> None:
        """Take the pages that were read out of the process' memory."""


@dataclass(frozen=True, eq=False)
class Blocks:
    """Blocks of running text: ``<s> sentence </s> sentence </s> ...``.

    Attributes:
        store: A language's sentences.
        bounds: First tokens, and the tokens behind the last, int64 ``[n, 2]``.
        mapped: The file that the bounds are mapped from; None where they are in memory.
    """

    store: TokenStore
    bounds: np.ndarray
    mapped: MappedArray | None = None

    @classmethod
    def of_sentences(cls, store: TokenStore, numbers: np.ndarray, max_length: int) -> "Blocks":
        """Blocks of one sentence each, cut at their ends: the held-out ones."""
        starts, ends = store.arrays["offsets"].take(numbers, 2).reshape(-1, 2).T
        ends = np.minimum(ends, starts + max_length - 1)
        return cls(store, np.stack([starts, ends], axis=1))

    @property
    def language(self) -> str:
        """The language's code."""
        return self.store.language

    def __len__(self) -> int:
        return len(self.bounds)

    def take(self, numbers: np.ndarray, rows: np.ndarray, *seed: int) -> TokenIds:
        """Some blocks; nothing is drawn."""
        bounds = self.bounds[numbers] if self.mapped is None else self.mapped.take(numbers, 1)
        starts, ends = bounds.T
        lengths = ends - starts
        offsets = offsets_from(lengths + 1)
        ids = np.full(offsets[-1], BOS_ID, np.int32)
        ids[ranges(offsets[:-1] + 1, lengths)] = self.store.arrays["ids"].take(starts, lengths)
        return TokenIds(ids, offsets)

    def row(self, number: int) -> int:
        """The sentence that a block begins in."""
        offsets = self.store.token_ids.offsets
        return int(np.searchsorted(offsets, self.bounds[number, 0], side="right")) - 1

    def release(self) -> None:
        """Take the pages that were read out of the process' memory."""
        self.store.release()
        if self.mapped is not None:
            self.mapped.release()


@dataclass(frozen=True, eq=False)
class Pairs:
    """Translation pairs as one sequence: ``<s> a </s> b </s>``, the order drawn at random.

    Attributes:
        store: The pairs.
        numbers: Which of them.
        max_length: Most tokens of a sequence; the longer sentence gives way.
    """

    store: TokenStore
    numbers: AllBut | np.ndarray
    max_length: int

    @property
    def language(self) -> str:
        """The codes of both languages."""
        return self.store.language

    def __len__(self) -> int:
        return len(self.numbers)

    def take(self, numbers: np.ndarray, rows: np.ndarray, *seed: int) -> TokenIds:
        """Some pairs, each in the order drawn."""
        swapped = (random_bits(*seed, rows, _ORDER) & np.uint64(1)).astype(np.int64)
        pairs = 2 * np.arange(len(numbers))
        sentences = np.stack([pairs + swapped, pairs + (1 - swapped)])
        return joined(self.store.take(self.numbers[numbers]), sentences, self.max_length)

    def row(self, number: int) -> int:
        """The pair."""
        return int(self.numbers[np.array([number])][0])

    def release(self) -> None:
        """Take the pages that were read out of the process' memory."""
        self.store.release()


def joined(token_ids: TokenIds, sentences: np.ndarray, max_length: int) -> TokenIds:
    """Sequences of one sentence or two: ``<s> a </s>``, ``<s> a </s> b </s>``.

    Args:
        token_ids: The sentences, each closed by ``</s>``.
        sentences: The numbers of the first of each sequence, and of the second, int64 ``[1, n]``
            or ``[2, n]``.
        max_length: Most tokens of a sequence; the longer sentence loses tokens at its end.
    """
    lengths = token_ids.lengths_of(sentences) - 1
    budget = max_length - 1 - len(sentences)
    if len(sentences) == 1:
        kept = np.minimum(lengths, budget)
    else:
        kept = np.stack(longest_first(lengths[0], lengths[1], budget))
    offsets = offsets_from(1 + (kept + 1).sum(axis=0))
    ids = np.full(offsets[-1], EOS_ID, np.int32)
    ids[offsets[:-1]] = BOS_ID
    starts = offsets[:-1] + 1
    for numbers, count in zip(sentences, kept, strict=True):
        ids[ranges(starts, count)] = token_ids.ids[ranges(token_ids.offsets[numbers], count)]
        starts = starts + count + 1
    return TokenIds(ids, offsets)
