"""The masking of masked LM (Devlin et al. 2019): which tokens are learned, and what replaces them.

As in fairseq, which InfoXLM was trained with: of each sequence 15 % of the tokens, of these 80 %
become ``<mask>``, 10 % another token, 10 % stay. Other than in fairseq, `<s>`, `</s>` and `<unk>`
are never chosen, and each sequence has at least one masked token.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from infoxlm.constants import NO_LABEL, UNK_ID
from infoxlm.data.stateless_random import uniform
from infoxlm.tokenization.token_ids import TokenIds

#: Names of the draws of one token, so that each is another.
_CHOICE, _KIND, _REPLACEMENT, _COUNT = range(4)


class Masked(NamedTuple):
    """Masked sequences.

    Attributes:
        token_ids: What the model reads.
        labels: The token that stood there where one is masked, else `NO_LABEL`; rows as above.
        counts: Masked tokens of each sequence, int64 ``[n]``.
    """

    token_ids: TokenIds
    labels: TokenIds
    counts: np.ndarray


@dataclass(frozen=True, eq=False)
class Masking:
    """How sequences are masked.

    Attributes:
        mask_id: The id of ``<mask>``.
        vocabulary: The ids that take the place of others at random, without special tokens.
        probability: The share of a sequence's tokens that is masked.
        random_share: The share of the masked tokens that another token takes the place of.
        kept_share: The share of the masked tokens that stay what they are.
    """

    mask_id: int
    vocabulary: np.ndarray
    probability: float = 0.15
    random_share: float = 0.1
    kept_share: float = 0.1

    def __call__(self, token_ids: TokenIds, rows: np.ndarray, *seed: int) -> Masked:
        """Mask sequences.

        Args:
            token_ids: ``n`` sequences.
            rows: What tells each of them from others of the same seed, such as its number in the
                examples, int64 ``[n]``: draws follow from it and the seed alone.
            *seed: The seed.
        """
        ids, lengths = token_ids.ids, token_ids.lengths
        sequences = np.repeat(np.arange(len(lengths)), lengths)
        places = np.arange(len(ids)) - np.repeat(token_ids.offsets[:-1], lengths)
        words = (*seed, rows[sequences], places)
        maskable = (ids > UNK_ID) & (ids != self.mask_id)
        chosen = self._choose(maskable, sequences, len(lengths), (*seed, rows), words)
        return Masked(
            TokenIds(self._replaced(ids, chosen, words), token_ids.offsets),
            TokenIds(np.where(chosen, ids, NO_LABEL).astype(np.int32), token_ids.offsets),
            np.bincount(sequences[chosen], minlength=len(lengths)),
        )

    def _choose(
        self,
        maskable: np.ndarray,
        sequences: np.ndarray,
        count: int,
        row_words: Sequence[int | np.ndarray],
        words: Sequence[int | np.ndarray],
    ) -> np.ndarray:
        """Choose tokens, bool like `maskable`: in each sequence its share, rounded at random."""
        available = np.bincount(sequences[maskable], minlength=count)
        wanted = np.floor(self.probability * available + uniform(*row_words, _COUNT))
        wanted = np.clip(wanted.astype(np.int64), 1, None)
        # Sorted by sequence, and within each at random: the first ones are chosen.
        places = np.flatnonzero(maskable)
        order = places[np.argsort((sequences + uniform(*words, _CHOICE))[places], kind="stable")]
        ranks = np.arange(len(order)) - (np.cumsum(available) - available)[sequences[order]]
        chosen = np.zeros(len(maskable), bool)
        chosen[order[ranks < wanted[sequences[order]]]] = True
        return chosen

    def _replaced(
        self, ids: np.ndarray, chosen: np.ndarray, words: Sequence[int | np.ndarray]
    ) -> np.ndarray:
        """Put something else in the place of most of the chosen tokens."""
        places = np.flatnonzero(chosen)
        own = [word[places] if isinstance(word, np.ndarray) else word for word in words]
        kind = uniform(*own, _KIND)
        drawn = (uniform(*own, _REPLACEMENT) * len(self.vocabulary)).astype(np.int64)
        replaced = ids.copy()
        replaced[places] = np.where(
            kind < self.kept_share,
            ids[places],
            np.where(
                kind < self.kept_share + self.random_share, self.vocabulary[drawn], self.mask_id
            ),
        )
        return replaced


def whole_vocabulary(vocab_size: int, mask_id: int) -> np.ndarray:
    """All ids but those of special tokens, int64."""
    ids = np.arange(UNK_ID + 1, vocab_size)
    return ids[ids != mask_id]
