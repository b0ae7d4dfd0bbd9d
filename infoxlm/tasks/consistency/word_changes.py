"""Changes of single words: other pieces, or a translation out of a dictionary."""

from collections.abc import Iterable, Sequence

import numpy as np

from infoxlm.tasks.consistency.changes import Change
from infoxlm.tasks.consistency.dictionaries import Dictionaries
from infoxlm.tasks.consistency.texts import sequence_of, texts_of
from infoxlm.tokenization.sentencepiece_model import META_SPACE
from infoxlm.tokenization.subword_sampling import SubwordSampler
from infoxlm.tokenization.token_ids import TokenIds
from infoxlm.tokenization.tokenizer import InfoXLMTokenizer
from infoxlm.tokenization.words import Word, Words


class WordChange(Change):
    """A change of single words, of which a share is drawn.

    Args:
        words: Cuts token ids into words.
        ratio: The share of words that are changed.
        max_length: The most tokens of a copy.
    """

    def __init__(self, words: Words, ratio: float, max_length: int) -> None:
        self._words = words
        self._ratio = ratio
        self._max_length = max_length

    def copy(self, number: int, ids: np.ndarray, random: np.random.Generator) -> np.ndarray:
        """Draw which words are changed, and how."""
        texts = [
            np.array([*self._changed(self._words.split(text), random)], np.int32)
            for text in texts_of(ids)
        ]
        return sequence_of(texts, self._max_length)

    def _changed(self, words: Sequence[Word], random: np.random.Generator) -> Iterable[int]:
        chosen = (random.random(len(words)) < self._ratio).tolist()
        for word, is_chosen in zip(words, chosen, strict=True):
            yield from (
                self.change(word, random) if is_chosen and self._words.is_word(word) else word
            )

    def change(self, word: Word, random: np.random.Generator) -> Sequence[int]:
        """Draw what a word becomes."""
        raise NotImplementedError


class SubwordSampling(WordChange):
    """Words are cut into other pieces, see `SubwordSampler`.

    Args:
        tokenizer: The tokenizer of the ids.
        ratio: The share of words that are changed.
        alpha: How much the likely segmentations are preferred.
        max_length: The most tokens of a copy.
    """

    def __init__(
        self, tokenizer: InfoXLMTokenizer, ratio: float, alpha: float, max_length: int
    ) -> None:
        super().__init__(Words(tokenizer), ratio, max_length)
        self._sampler = SubwordSampler(tokenizer.find_piece, alpha, self._words.longest)

    def change(self, word: Word, random: np.random.Generator) -> Sequence[int]:
        """Draw a segmentation."""
        text = self._words.text(word)
        return self._sampler.sample(text, iter(random.random(len(text)).tolist()))

    def ids_in_copies(self, token_ids: TokenIds) -> np.ndarray:
        """All pieces of all segmentations of the words."""
        found: set[int] = set()
        for word in self._words.distinct(token_ids):
            found |= self._sampler.pieces(self._words.text(word))
        return np.array(sorted(found), np.int32)


class CodeSwitching(WordChange):
    """Words become their translations into languages that are drawn word by word.

    Args:
        tokenizer: The tokenizer of the ids.
        dictionaries: The translations.
        ratio: The share of words for which a language is drawn; where its dictionary does not
            have the word, it stays.
        max_length: The most tokens of a copy.
    """

    def __init__(
        self,
        tokenizer: InfoXLMTokenizer,
        dictionaries: Dictionaries,
        ratio: float,
        max_length: int,
    ) -> None:
        super().__init__(Words(tokenizer), ratio, max_length)
        self._languages = [*dictionaries.values()]
        known = sorted({text for words in self._languages for x in words.values() for text in x})
        pieces = tokenizer.pieces(known)
        self._pieces = {text: pieces[number].tolist() for number, text in enumerate(known)}

    def change(self, word: Word, random: np.random.Generator) -> Sequence[int]:
        """Draw a language, and one of the translations that it has."""
        dictionary = self._languages[random.integers(len(self._languages))]
        found = dictionary.get(self._words.text(word).removeprefix(META_SPACE).lower())
        return self._pieces[found[random.integers(len(found))]] if found else word

    def ids_in_copies(self, token_ids: TokenIds) -> np.ndarray:
        """The pieces of all translations."""
        found = {piece for pieces in self._pieces.values() for piece in pieces}
        return np.array(sorted(found), np.int32)
