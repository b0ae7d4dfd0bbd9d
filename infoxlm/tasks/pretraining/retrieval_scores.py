"""Accuracy of finding translations by the states of every block of a model."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from infoxlm.evaluate.evaluator import Evaluator
from infoxlm.evaluate.predictions import Predictions
from infoxlm.model import InfoXLMModel
from infoxlm.model.precision import Precision
from infoxlm.retrieval.search import nearest_by_cosine
from infoxlm.retrieval.sentence_embeddings import sentence_embeddings
from infoxlm.schema import Pooling
from infoxlm.tasks.pretraining.retrieval_pairs import RetrievalPairs
from infoxlm.tokenization.token_ids import TokenIds

#: The name of the figures of a block.
BLOCK = "retrieval_block_"

#: The directions, as in `infoxlm retrieve` where the translations are English.
DIRECTIONS = ("from_translation", "to_translation")


class Retrieval(NamedTuple):
    """Sentences that were found.

    Attributes:
        pairs: The pairs of each language.
        found: Of each language, whether a sentence was found: bool ``[blocks + 1, 2, n]``, by
            block (0 is the embeddings) and direction.
    """

    pairs: Sequence[RetrievalPairs]
    found: Sequence[NDArray[np.bool_]]

    def figures(self) -> Mapping[str, Mapping[str, float]]:
        """Accuracy by block and language, the mean over both directions."""
        return {
            f"{BLOCK}{block}": {
                pairs.language: float(found[block].mean())
                for pairs, found in zip(self.pairs, self.found, strict=True)
            }
            for block in range(len(self.found[0]))
        }

    def predictions(self, metric: str, block: int) -> Predictions:
        """What one block found: of each pair the mean over both directions, 0, 0.5 or 1."""
        found = np.concatenate([found[block] for found in self.found], axis=1)
        return Predictions(
            np.repeat([x.language for x in self.pairs], [len(x) for x in self.pairs]),
            np.concatenate([x.rows for x in self.pairs]),
            {metric: found.mean(axis=0, dtype=np.float64)},
            {name: found[side].tolist() for side, name in enumerate(DIRECTIONS)},
        )


def score_retrieval(
    model: InfoXLMModel,
    pairs: Sequence[RetrievalPairs],
    evaluator: Evaluator,
    pooling: Pooling = Pooling.mean,
) -> Retrieval:
    """Look for every sentence's translation and the other way round, by the cosine.

    Args:
        model: The encoder.
        pairs: The pairs of each language, at least one.
        evaluator: The hardware and the ranks.
        pooling: The pooling of a sentence's tokens.
    """

    def vectors(token_ids: TokenIds) -> NDArray[np.float32]:
        return sentence_embeddings(
            model,
            token_ids,
            pooling=pooling,
            max_tokens=evaluator.hardware.eval_batch_tokens,
            precision=Precision(evaluator.hardware.amp),
            ranks=evaluator.ranks,
        )

    # FLORES has the same English sentences for every language: they are encoded once.
    known, translations = None, np.zeros(0, np.float32)
    found = []
    for one in pairs:
        if known is None or not _equal(known, one.translations):
            known, translations = one.translations, vectors(one.translations)
        sentences = vectors(one.token_ids)
        own = np.arange(len(one))
        found.append(
            np.array(
                [
                    [nearest == own for nearest in nearest_by_cosine(*sides)]
                    for sides in zip(translations, sentences, strict=True)
                ]
            )
        )
    return Retrieval(pairs, found)


def _equal(one: TokenIds, other: TokenIds) -> bool:
    """Tell whether the sequences are the same."""
    return np.array_equal(one.offsets, other.offsets) and np.array_equal(one.ids, other.ids)
