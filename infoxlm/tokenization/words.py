"""The words of encoded texts, read back from their token ids.

A piece never crosses a space, and the segmentation of a word does not depend on its neighbours. So
a word is a run of pieces of which the first begins with `META_SPACE`, and what is made of the word
alone fits into the text: the texts themselves need not be kept.
"""

import numpy as np

from infoxlm.constants import UNK_ID
from infoxlm.tokenization.sentencepiece_model import META_SPACE
from infoxlm.tokenization.token_ids import TokenIds
from infoxlm.tokenization.tokenizer import InfoXLMTokenizer

#: The token ids of one word, or an id that stands for no piece: special, unknown and added tokens.
Word = tuple[int, ...]


class Words:
    """Cuts token ids into words, and joins their pieces to text.

    Args:
        tokenizer: The tokenizer that the ids are of.

    Attributes:
        longest: The characters of the longest piece.
    """

    def __init__(self, tokenizer: InfoXLMTokenizer) -> None:
        self._pieces = tokenizer.tokens(range(tokenizer.vocab_size))
        self._is_piece = np.zeros(len(self._pieces), bool)
        self._is_piece[UNK_ID + 1 :] = [
            tokenizer.find_piece(piece) is not None for piece in self._pieces[UNK_ID + 1 :]
        ]
        self.longest = max(map(len, self._pieces))
        spaced = np.array([piece.startswith(META_SPACE) for piece in self._pieces])
        self._begins = spaced | ~self._is_piece

    def is_word(self, word: Word) -> bool:
        """Tell whether ids are pieces, and not a token that stands for itself."""
        return bool(self._is_piece[word[0]])

    def text(self, word: Word) -> str:
        """The characters of a word, its `META_SPACE` among them."""
        return "".join(self._pieces[token] for token in word)

    def split(self, ids: np.ndarray) -> list[Word]:
        """Cut the ids of a text, without special tokens around it, into words.

        Args:
            ids: int `[tokens]`.
        """
        bounds = [*np.flatnonzero(self._starts(ids)).tolist(), len(ids)]
        tokens = ids.tolist()
        return [tuple(tokens[a:b]) for a, b in zip(bounds[:-1], bounds[1:], strict=True)]

    def distinct(self, token_ids: TokenIds) -> set[Word]:
        """The different words of many sequences, tokens that stand for themselves left out."""
        ids = np.asarray(token_ids.ids)
        starts = self._starts(ids)
        starts[token_ids.offsets[:-1][token_ids.lengths > 0]] = True
        firsts = np.flatnonzero(starts)
        lengths = np.diff(np.append(firsts, len(ids)))
        found: set[Word] = set()
        for length in np.unique(lengths).tolist():
            words = ids[firsts[lengths == length][:, None] + np.arange(length)]
            found.update(map(tuple, np.unique(words, axis=0).tolist()))
        return {word for word in found if self.is_word(word)}

    def _starts(self, ids: np.ndarray) -> np.ndarray:
        """Whether a word begins at each token, bool `[tokens]`."""
        starts = self._begins[ids]
        starts[1:] |= ~self._is_piece[ids[:-1]]
        starts[:1] = True
        return starts
