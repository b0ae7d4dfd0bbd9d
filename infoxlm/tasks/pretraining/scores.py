"""Scores of a pre-trained model: retrieval by block, held-out text, or both."""

from infoxlm.evaluate.metric import Metric
from infoxlm.evaluate.predictions import Predictions
from infoxlm.evaluate.scores import Scores
from infoxlm.tasks.pretraining.masked_scores import MASKED_ACCURACY, MaskedTokens
from infoxlm.tasks.pretraining.retrieval_scores import Retrieval

#: The metrics that checkpoints are chosen by.
RETRIEVAL, MASKED = Metric("retrieval"), Metric(MASKED_ACCURACY)


def pretraining_scores(
    masked: MaskedTokens | None, retrieval: Retrieval | None, block: int
) -> tuple[Scores, Predictions]:
    """Scores by language, and what two runs are compared by.

    Args:
        masked: The masked tokens of held-out text; None: there is none.
        retrieval: What was found of the pairs; None: there are none.
        block: The block whose retrieval checkpoints are chosen by.
    """
    figures = {} if masked is None else dict(masked.figures())
    if retrieval is None:
        assert masked is not None
        predictions = masked.predictions()
        del figures[MASKED_ACCURACY]  # the metric itself
        return Scores.from_predictions(predictions, MASKED, figures=figures), predictions
    figures |= retrieval.figures()
    predictions = retrieval.predictions(RETRIEVAL.name, block)
    scores = Scores.from_predictions(
        predictions,
        RETRIEVAL,
        details={"block": block},
        explanation=f"Accuracy at 1 by the cosine of block {block}, mean of both directions.",
        figures=figures,
    )
    return scores, predictions
