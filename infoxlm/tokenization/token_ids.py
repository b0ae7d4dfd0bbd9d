"""Many sequences of token ids in one flat array: small, fast to slice, and it can be mapped."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from infoxlm.constants import PAD_ID


def ranges(starts: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Concatenate `arange(start, start + length)` over all pairs, without a loop.

    Args:
        starts: int64 `[n]`.
        lengths: int64 `[n]`, none negative.

    Returns:
        int64 `[sum of lengths]`: the positions of ragged rows in their flat array.
    """
    before = np.cumsum(lengths) - lengths
    return np.arange(lengths.sum()) + np.repeat(starts - before, lengths)


def offsets_from(lengths: np.ndarray) -> np.ndarray:
    """Tell where rows of these lengths lie when put end to end, int64 `[n + 1]`."""
    return np.concatenate(([0], np.cumsum(lengths, dtype=np.int64)))


@dataclass(frozen=True, eq=False)
class TokenIds:
    """Token ids of `n` sequences of different lengths; row `i` is `ids[offsets[i]:offsets[i + 1]]`.

    Attributes:
        ids: int32 `[total]`.
        offsets: int64 `[n + 1]`, from 0 to `total`.
    """

    ids: np.ndarray
    offsets: np.ndarray

    @classmethod
    def concatenate(cls, parts: Sequence[Self]) -> Self:
        """Join the rows of all parts in order; no parts give no rows."""
        if not parts:
            return cls(np.zeros(0, np.int32), np.zeros(1, np.int64))
        lengths = np.concatenate([part.lengths for part in parts])
        return cls(np.concatenate([part.ids for part in parts]), offsets_from(lengths))

    @property
    def lengths(self) -> np.ndarray:
        """Number of tokens of each row, int64 `[n]`."""
        return np.diff(self.offsets)

    def lengths_of(self, rows: np.ndarray) -> np.ndarray:
        """Number of tokens of some rows, int64 `[len(rows)]`."""
        return self.offsets[rows + 1] - self.offsets[rows]

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, row: int) -> np.ndarray:
        return self.ids[self.offsets[:-1][row] : self.offsets[1:][row]]

    def take(self, rows: Sequence[int] | np.ndarray) -> list[np.ndarray]:
        """Return the rows asked for, in that order, as int32 views."""
        return [self[row] for row in rows]

    def padded(
        self, rows: Sequence[int] | np.ndarray, multiple: int = 1, fill: int = PAD_ID
    ) -> np.ndarray:
        """Make a rectangular batch, filled up on the right.

        Args:
            rows: Row numbers, in the order of the batch.
            multiple: The width is rounded up to a multiple of this.
            fill: The id behind the end of shorter rows.

        Returns:
            int64 `[batch, seq]`, `seq` being the longest row's length, rounded up.
        """
        rows = np.asarray(rows, dtype=np.int64)
        starts = self.offsets[:-1][rows]
        lengths = self.offsets[1:][rows] - starts
        width = -(-lengths.max(initial=0) // multiple) * multiple
        batch = np.full((len(rows), width), fill, dtype=np.int64)
        batch[np.arange(width) < lengths[:, None]] = self.ids[ranges(starts, lengths)]
        return batch
