"""Nearest-neighbour search for sentence retrieval: in blocks, in both directions at once.

A sentence is found when the nearest vector of the other side is that of the aligned sentence
(accuracy at 1), as in LASER (Artetxe & Schwenk 2019, arXiv 1812.10464) and XTREME (Hu et al. 2020,
arXiv 2003.11080). Of several nearest ones the first line is taken, as by the argmax of
github.com/jiamingkong/infoxlm_paddle: of two lines that are the same sentence the second is never
found, which is why LASER wants files without duplicates.
"""

from collections.abc import Iterator
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from infoxlm.tracking.progress import progress

#: Rows and columns of similarities in memory at once: 16 MB.
BLOCK = 2048

#: Below this a neighbourhood is not divided by; the cosines of real sentences are far above it.
LEAST_NEIGHBOURHOOD = 1e-6

Vectors = NDArray[np.float32]
Indices = NDArray[np.int64]


def nearest_by_cosine(
    first: Vectors, second: Vectors, block: int = BLOCK
) -> tuple[Indices, Indices]:
    """Find each vector's nearest one on the other side.

    Args:
        first: Vectors of one side, `[n, hidden]`, of any length.
        second: Vectors of the other side, `[m, hidden]`.
        block: Rows and columns of similarities to hold at once; the result does not depend on it.

    Returns:
        For each row of `first` a row of `second`, `[n]`, and the other way round, `[m]`.
    """
    found = Nearest(len(first)), Nearest(len(second))
    for rows, columns, cosines in cosine_blocks(first, second, block):
        found[0].update(rows, columns.start, cosines)
        found[1].update(columns, rows.start, cosines.T)
    return first_equal(second)[found[0].index], first_equal(first)[found[1].index]


def nearest_by_margin(
    first: Vectors, second: Vectors, neighbours: int, block: int = BLOCK
) -> tuple[Indices, Indices]:
    """As `nearest_by_cosine`, by the ratio margin, which holds back vectors that are near to all.

    The cosine of a pair is divided by the mean cosine of both with their `neighbours` nearest
    vectors of the other side: M. Artetxe and H. Schwenk (2019), Margin-based parallel corpus
    mining with multilingual sentence embeddings, ACL. Every pair is scored, where they score
    neighbours only.

    Args:
        first: Vectors of one side, `[n, hidden]`, of any length.
        second: Vectors of the other side, `[m, hidden]`.
        neighbours: The number of neighbours (theirs: 4); of fewer vectors all are taken.
        block: As in `nearest_by_cosine`.
    """
    among = (
        Neighbourhood(len(first), min(neighbours, len(second))),
        Neighbourhood(len(second), min(neighbours, len(first))),
    )
    for rows, columns, cosines in cosine_blocks(first, second, block):
        among[0].update(rows, cosines)
        among[1].update(columns, cosines.T)
    means = among[0].means(), among[1].means()
    found = Nearest(len(first)), Nearest(len(second))
    for rows, columns, cosines in cosine_blocks(first, second, block):
        scale = (means[0][rows, None] + means[1][columns]) / 2
        margins = cosines / np.maximum(scale, LEAST_NEIGHBOURHOOD)
        found[0].update(rows, columns.start, margins)
        found[1].update(columns, rows.start, margins.T)
    return first_equal(second)[found[0].index], first_equal(first)[found[1].index]


def cosine_blocks(
    first: Vectors, second: Vectors, block: int
) -> Iterator[tuple[slice, slice, NDArray[np.float32]]]:
    """Yield rows, columns and their cosines, `[rows, columns]`, over all pairs of two sides."""
    starts = range(0, len(first), block)
    # Shown for corpora only: the test sets take less than a second.
    for start in progress(starts, label="comparing", unit=" blocks", delay=2):
        rows = slice(start, min(start + block, len(first)))
        left = unit(first[rows])
        for column in range(0, len(second), block):
            columns = slice(column, min(column + block, len(second)))
            yield rows, columns, left @ unit(second[columns]).T


def unit(vectors: Vectors) -> Vectors:
    """Scale rows `[n, hidden]` to length 1; a row of zeros stays."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / np.where(lengths > 0, lengths, 1)


class Nearest:
    """The best score of each row so far, and the column it was in; of equal scores the first.

    Args:
        count: Number of rows.
    """

    def __init__(self, count: int) -> None:
        self._score = np.full(count, -np.inf, np.float32)
        self.index = np.zeros(count, np.int64)

    def update(self, rows: slice, column: int, scores: NDArray[np.float32]) -> None:
        """Take in the scores of some rows, `[rows, columns]`, whose first column is `column`."""
        best = scores.max(axis=1)
        better = np.flatnonzero(best > self._score[rows])
        self.index[rows][better] = column + scores[better].argmax(axis=1)
        self._score[rows][better] = best[better]


class Neighbourhood:
    """The highest cosines of each row so far.

    Args:
        count: Number of rows.
        size: The number of cosines to keep of each.
    """

    def __init__(self, count: int, size: int) -> None:
        self._highest = np.full((count, size), -np.inf, np.float32)

    def update(self, rows: slice, cosines: NDArray[np.float32]) -> None:
        """Take in further cosines of some rows, `[rows, columns]`."""
        kept = self._highest[rows]
        better = np.flatnonzero(cosines.max(axis=1) > kept.min(axis=1))
        together = np.hstack([kept[better], cosines[better]])
        size = kept.shape[1]
        kept[better] = np.partition(together, -size, axis=1)[:, -size:]

    def means(self) -> NDArray[np.float32]:
        """Each row's mean of its highest cosines, `[count]`."""
        return self._highest.mean(axis=1)


def first_equal(vectors: Vectors) -> Indices:
    """For each row the first row that equals it, `[n]`.

    Rounding inside a matrix product depends on the place of a column, so which of two equal
    vectors comes out on top would be luck.
    """
    digests = (blake2b(row, digest_size=16).digest() for row in vectors)
    seen: dict[bytes, int] = {}
    first = (seen.setdefault(digest, row) for row, digest in enumerate(digests))
    return np.fromiter(first, np.int64, len(vectors))


def correct(found: Indices) -> int:
    """Count those of `[n]` found rows that are the aligned ones, row i belonging to row i."""
    return int((found == np.arange(len(found))).sum())
