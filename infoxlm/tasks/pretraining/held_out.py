"""A held-out part of a corpus, none of whose texts occurs in training.

A text is chosen by its hash, so equal texts go to the same side, and the same English sentence is
held out of each pair of languages. What shares a text with a held-out row in any language is left
out of training too, and is not held out itself: it would bring its own translations. So is what
shares a text with the pairs that retrieval is scored on.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from infoxlm.tasks.pretraining.token_store import TokenStore


@dataclass(frozen=True, eq=False)
class AllBut:
    """The numbers below a bound, in order, but for some: numbered again without an array of them.

    Attributes:
        bound: The bound.
        removed: What is left out, sorted, int64.
    """

    bound: int
    removed: np.ndarray

    def __len__(self) -> int:
        return self.bound - len(self.removed)

    def __getitem__(self, places: np.ndarray) -> np.ndarray:
        """The numbers at some places, int64 like `places`."""
        # So many of those kept come before each that is left out.
        before = self.removed - np.arange(len(self.removed))
        return places + np.searchsorted(before, places, side="right")


@dataclass(frozen=True, eq=False)
class Split:
    """The rows of a store that are held out, and those that are trained on.

    Attributes:
        held_out: Their numbers, sorted, int64.
        training: The numbers of the others.
    """

    held_out: np.ndarray
    training: AllBut


def split_stores(
    stores: Sequence[TokenStore], count: int, scored: Sequence[TokenStore] = ()
) -> list[Split]:
    """Hold out rows of each store.

    Args:
        stores: All stores of the corpus, monolingual and parallel.
        count: Rows of each; at most a tenth of them.
        scored: Stores of other text that is scored, none of which is trained on either.
    """
    chosen = [_chosen(store, min(count, len(store) // 10)) for store in stores]
    texts = [store.texts(numbers).ravel() for store, numbers in zip(stores, chosen, strict=True)]
    texts += [chunk.ravel() for store in scored for chunk in store.chunks_of_texts()]
    held_out_texts = np.unique(np.concatenate([np.zeros(0, np.int64), *texts]))
    return [
        Split(numbers, AllBut(len(store), _rows_with(store, held_out_texts)))
        for store, numbers in zip(stores, chosen, strict=True)
    ]


def _chosen(store: TokenStore, count: int) -> np.ndarray:
    """The rows with the smallest hashes of the first text, of equal texts the first row; sorted."""
    hashes, numbers = np.zeros(0, np.uint64), np.zeros(0, np.int64)
    start = 0
    for chunk in store.chunks_of_texts():
        new = chunk[:, 0].view(np.uint64)
        candidates = np.arange(len(new))
        if len(hashes) == count:  # full: only smaller ones matter
            candidates = candidates[new < (hashes[-1] if count else 0)]
        joined = np.concatenate([hashes, new[candidates]])
        places = np.concatenate([numbers, start + candidates])
        hashes, first = np.unique(joined, return_index=True)
        hashes, numbers = hashes[:count], places[first[:count]]
        start += len(new)
    return np.sort(numbers)


def _rows_with(store: TokenStore, texts: np.ndarray) -> np.ndarray:
    """The rows that hold one of some texts on any side, int64, sorted."""
    found = []
    start = 0
    for chunk in store.chunks_of_texts():
        found.append(start + np.flatnonzero(np.isin(chunk, texts).any(axis=1)))
        start += len(chunk)
    return np.concatenate([np.zeros(0, np.int64), *found])
