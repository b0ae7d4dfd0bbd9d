"""Subword sampling (Kudo 2018): a word is cut into pieces at random, likely cuts more often.

The distribution is that of sentencepiece's sampling over all segmentations (`nbest_size=-1`), but
the draws are the caller's: those of sentencepiece 0.2.3 follow from one seed of the whole process,
and only on one thread. A word of known pieces never gets unknown ones here.
"""

import math
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from itertools import accumulate
from typing import NamedTuple

#: Words whose segmentations are kept: some 30 MB.
CACHED = 1 << 15


class Ends(NamedTuple):
    """The pieces that may end at one place of a word.

    Attributes:
        starts: Where each begins.
        ids: Their ids.
        shares: The sums of the probabilities of each piece and those before it.
    """

    starts: Sequence[int]
    ids: Sequence[int]
    shares: Sequence[float]


class SubwordSampler:
    """Draws segmentations of words, each with a probability of its own to the power of `alpha`.

    Args:
        find_piece: Finds a piece's id and log-probability, see `InfoXLMTokenizer.find_piece`.
        alpha: 1 draws by the vocabulary's probabilities; 0 takes all segmentations alike.
        longest: The characters of the longest piece.
    """

    def __init__(
        self, find_piece: Callable[[str], tuple[int, float] | None], alpha: float, longest: int
    ) -> None:
        self._find_piece = find_piece
        self._alpha = alpha
        self._longest = longest
        self._lattice = lru_cache(maxsize=CACHED)(self._make_lattice)

    def sample(self, word: str, draws: Iterator[float]) -> list[int]:
        """Draw one segmentation.

        Args:
            word: The characters, with the `META_SPACE` that they begin with.
            draws: Numbers from 0 to 1, of which at most one a character is taken.

        Returns:
            The ids of its pieces; none where no pieces make up the word.
        """
        lattice, ids, end = self._lattice(word), [], len(word)
        while end and lattice:
            starts, found, shares = lattice[end]
            chosen = min(bisect_right(shares, next(draws) * shares[-1]), len(found) - 1)
            ids.append(found[chosen])
            end = starts[chosen]
        return ids[::-1]

    def pieces(self, word: str) -> set[int]:
        """The ids of all pieces that segmentations of a word may hold."""
        return {piece for ends in self._make_lattice(word) for piece in ends.ids}

    def _make_lattice(self, word: str) -> list[Ends]:
        """The pieces that may end behind each character; nothing where none make up the word."""
        # Forward sums (Kudo 2018, section 3.2), as logarithms: of all ways to come to a place.
        totals, lattice = [0.0], [Ends((), (), ())]
        for end in range(1, len(word) + 1):
            starts, ids, sums = [], [], []
            for start in range(max(0, end - self._longest), end):
                piece = None if totals[start] == -math.inf else self._find_piece(word[start:end])
                if piece is not None:
                    starts.append(start)
                    ids.append(piece[0])
                    sums.append(totals[start] + self._alpha * piece[1])
            highest = max(sums, default=-math.inf)
            shares = [math.exp(x - highest) for x in sums]
            totals.append(highest + math.log(sum(shares)) if sums else -math.inf)
            lattice.append(Ends(tuple(starts), tuple(ids), tuple(accumulate(shares))))
        return lattice if totals[-1] > -math.inf else []
