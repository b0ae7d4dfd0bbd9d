"""Changes of examples that keep their meaning: each makes a copy of a sequence of token ids.

What is drawn follows from a generator of the step and the row, so that a copy is another one in
every epoch and the same one when a run resumes.
"""

from collections.abc import Sequence

import numpy as np

from infoxlm.constants import UNK_ID
from infoxlm.data.examples import Examples
from infoxlm.tasks.consistency.texts import sequence_of, texts_of
from infoxlm.tokenization.token_ids import TokenIds, distinct_ids


class Change:
    """A change of sequences.

    Attributes:
        keeps_tokens: Whether a copy has its tokens where the sequence had them, so that targets
            which are places among the tokens stay right.
        noise: Standard deviation of Gaussian noise on the word embeddings of a copy.
    """

    keeps_tokens = False
    noise = 0.0

    def copy(self, number: int, ids: np.ndarray, random: np.random.Generator) -> np.ndarray:
        """Draw a changed copy.

        Args:
            number: The example's number.
            ids: Its token ids, int32 ``[tokens]``.
            random: The generator of all draws.
        """
        raise NotImplementedError

    def another(
        self, number: int, ids: np.ndarray, copy: np.ndarray, random: np.random.Generator
    ) -> np.ndarray:
        """Draw a copy to stand next to another one, as `copy` does.

        Args:
            number: The example's number.
            ids: Its token ids, int32 ``[tokens]``.
            copy: The copy that stands in the example's place.
            random: The generator of all draws.
        """
        return self.copy(number, ids, random)

    def ids_in_copies(self, token_ids: TokenIds) -> np.ndarray:
        """The token ids that copies of these sequences may hold besides the sequences' own."""
        return np.zeros(0, np.int32)


class GaussianNoise(Change):
    """Gaussian noise on the word embeddings, which are the model's: the ids stay.

    Args:
        sigma: Its standard deviation.
    """

    keeps_tokens = True

    def __init__(self, sigma: float) -> None:
        self.noise = sigma

    def copy(self, number: int, ids: np.ndarray, random: np.random.Generator) -> np.ndarray:
        """The same ids."""
        return ids


class WordDropout(Change):
    """Tokens become ``<unk>``.

    Args:
        ratio: The share of them.
    """

    keeps_tokens = True

    def __init__(self, ratio: float) -> None:
        self._ratio = ratio

    def copy(self, number: int, ids: np.ndarray, random: np.random.Generator) -> np.ndarray:
        """Draw which tokens are dropped; special ones are not."""
        dropped = (random.random(len(ids)) < self._ratio) & (ids > UNK_ID)
        return np.where(dropped, np.int32(UNK_ID), ids)


class Translation(Change):
    """The same row in another language.

    Args:
        examples: The examples, of one language or of several.
        translations: The rows of each language, those of the examples too if they may be drawn.
        two_languages: Whether the second text's language is drawn by itself.
        max_length: The most tokens of a copy.
    """

    def __init__(
        self,
        examples: Examples,
        translations: Sequence[Examples],
        two_languages: bool,
        max_length: int,
    ) -> None:
        self._translations = translations
        self._two_languages = two_languages
        self._max_length = max_length
        parts = examples.parts or (examples,)
        rows = np.concatenate([part.rows for part in parts])
        own = examples.languages
        #: By language the number of each example's row there; -1 where it is not to be drawn.
        self._places = np.full((len(translations), len(rows)), -1)
        for places, other in zip(self._places, translations, strict=True):
            found = np.minimum(np.searchsorted(other.rows, rows), len(other) - 1)
            same = (other.rows[found] == rows) & (own != other.language)
            places[same] = found[same]

    def copy(self, number: int, ids: np.ndarray, random: np.random.Generator) -> np.ndarray:
        """Draw a language other than the example's own; where there is none, the ids stay."""
        return self._drawn(self._choices(number), random, ids)

    def another(
        self, number: int, ids: np.ndarray, copy: np.ndarray, random: np.random.Generator
    ) -> np.ndarray:
        """Draw a language other than the copy's; the example's own is one of them."""
        choices = [x for x in (*self._choices(number), ids) if not np.array_equal(x, copy)]
        return self._drawn(choices, random, ids)

    def _choices(self, number: int) -> list[np.ndarray]:
        """The row in each language that it is not in."""
        places = self._places[:, number]
        return [
            self._translations[language].token_ids[places[language]]
            for language in np.flatnonzero(places >= 0)
        ]

    def _drawn(
        self, choices: Sequence[np.ndarray], random: np.random.Generator, ids: np.ndarray
    ) -> np.ndarray:
        """One of the choices, or with two languages the texts of two; without any, the ids."""
        if not choices:
            return ids
        first, second = (choices[random.integers(len(choices))] for _ in range(2))
        if not self._two_languages:
            return first
        texts = [texts_of(first)[0], *texts_of(second)[1:]]
        return sequence_of(texts, self._max_length)

    def ids_in_copies(self, token_ids: TokenIds) -> np.ndarray:
        """All ids of the translations."""
        return distinct_ids(other.token_ids.ids for other in self._translations)
