"""The characters of a text that its tokens cover."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from infoxlm.tokenization.token_ids import TokenIds

#: What no answer begins with: white space, and the characters without width that XLM-R's table
#: makes spaces of.
SPACES = (
    "".join(filter(str.isspace, map(chr, range(0x3001)))) + "\u200b\u200c\u200d\u200e\u200f\ufeff"
)

#: Two halves of a character that a Python string holds apart.
_PAIR = re.compile("[\ud800-\udbff][\udc00-\udfff]")


@dataclass(frozen=True, eq=False)
class SpannedIds:
    """Bare token ids of texts, and where in its text each token stands.

    Where normalisation makes several tokens of one character, the last one covers it, and the
    others nothing at its beginning.

    Attributes:
        token_ids: A row a text, without special tokens.
        spans: Characters [from, to) that each token covers, without the spaces before it, int32
            ``[total, 2]``; a token that is but a space covers nothing behind it. Neither column
            decreases within a text.
    """

    token_ids: TokenIds
    spans: np.ndarray

    def __getitem__(self, row: int) -> np.ndarray:
        return self.spans[self.token_ids.offsets[row] : self.token_ids.offsets[row + 1]]


def without_spaces(texts: Sequence[str], token_ids: TokenIds, spans: np.ndarray) -> np.ndarray:
    """Let spans begin behind the spaces that sentencepiece counts among a piece.

    Args:
        texts: The texts, without lone surrogates.
        token_ids: Their tokens.
        spans: The characters of each token, ``[total, 2]``.
    """
    characters = np.frombuffer("".join(texts).encode("utf-32-le"), np.uint32)
    spaces = np.isin(characters, [ord(space) for space in SPACES])
    # Of each place the first one from it on that is no space.
    places = np.append(np.where(spaces, len(spaces), np.arange(len(spaces))), len(spaces))
    behind = np.minimum.accumulate(places[::-1])[::-1]
    starts = np.cumsum([0, *map(len, texts)])[:-1]
    shift = np.repeat(starts, token_ids.lengths)
    first, end = spans.T
    return np.stack([np.minimum(behind[shift + first] - shift, end), end], axis=1).astype(np.int32)


def places_of_pairs(text: str) -> np.ndarray:
    """Where each character of a text lies once the pairs of surrogates in it count as one.

    Args:
        text: The text.

    Returns:
        The place in `text` of each character that is left, and the end of the last one.
    """
    seconds = [pair.start() + 1 for pair in _PAIR.finditer(text)]
    return np.delete(np.arange(len(text) + 1), seconds)
