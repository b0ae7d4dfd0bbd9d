"""A model's predictions for every language in one pass."""

from collections.abc import Callable, Sequence

import numpy as np
import paddle
import paddle.nn.functional as F

from infoxlm.constants import LABELS
from infoxlm.data.batches import micro_batches
from infoxlm.data.token_cache import EncodedExamples
from infoxlm.distributed.ranks import Ranks
from infoxlm.errors import UserError
from infoxlm.evaluate.metrics import SplitScores
from infoxlm.evaluate.predictions import Predictions
from infoxlm.model import InfoXLMForSequenceClassification
from infoxlm.model.precision import Precision
from infoxlm.tokenization.token_ids import TokenIds
from infoxlm.tracking.progress import progress


def label_columns(model: InfoXLMForSequenceClassification) -> list[int]:
    """Which logit belongs to each of LABELS: the order is the checkpoint's, not ours.

    Raises:
        UserError: The checkpoint's labels are not the three of natural-language inference.
    """
    ids = {str(label).lower(): int(column) for column, label in model.config.id2label.items()}
    if set(ids) != set(LABELS):
        raise UserError(
            f"the checkpoint's labels are {', '.join(ids)}, not {', '.join(LABELS)}",
            "Name them in id2label of its config.json, or give a checkpoint fine-tuned on XNLI.",
        )
    return [ids[label] for label in LABELS]


def predict(
    model: InfoXLMForSequenceClassification,
    token_ids: TokenIds,
    *,
    max_tokens: int,
    precision: Precision | None = None,
    ranks: Ranks | None = None,
    compute: Callable[[np.ndarray], np.ndarray] | None = None,
) -> np.ndarray:
    """Probabilities of each pair's labels, computed in batches of similar length.

    Args:
        model: Put into evaluation mode, and left there.
        token_ids: ``n`` encoded pairs.
        max_tokens: Most tokens of a batch, padding included.
        precision: Mixed precision; None: fp32.
        ranks: The processes that share the pairs and get all of the result; None: this one alone.
        compute: Computes logits ``[batch, labels]`` of token ids ``[batch, seq]`` in the model's
            place, such as its static graph.

    Returns:
        float32 ``[n, 3]``, columns in the order of LABELS.
    """
    model.eval()
    columns = label_columns(model)
    precision = precision or Precision()
    ranks = ranks or Ranks()
    share = ranks.shares(token_ids.lengths)[ranks.rank]
    probabilities = np.zeros((len(token_ids), len(LABELS)), np.float32)
    bar = progress(label="scoring", total=len(share), unit=" pairs")
    with bar, paddle.no_grad():
        for part in micro_batches(token_ids.lengths[share], max_tokens):
            if ranks.is_cut:
                break
            rows = share[part]
            input_ids = token_ids.padded(rows)
            if compute is None:
                with precision.autocast():
                    logits = model(paddle.to_tensor(input_ids)).logits
            else:
                logits = paddle.to_tensor(compute(input_ids))
            batch = F.softmax(logits.astype("float32"), axis=-1).numpy()
            probabilities[rows] = batch[:, columns]
            bar.update(len(rows))
    ranks.cut_together()
    return ranks.sum(probabilities)


def score(
    model: InfoXLMForSequenceClassification,
    languages: Sequence[EncodedExamples],
    *,
    max_tokens: int,
    precision: Precision | None = None,
    ranks: Ranks | None = None,
    compute: Callable[[np.ndarray], np.ndarray] | None = None,
) -> tuple[SplitScores, Predictions]:
    """Score several languages in one pass, sorted by length across all of them.

    Args:
        model: The classifier.
        languages: The encoded examples of each language.
        max_tokens: Most tokens of a batch, padding included.
        precision: Mixed precision; None: fp32.
        ranks: The processes that share the work; None: this one alone.
        compute: As in `predict`.

    Returns:
        The scores per language, and every prediction.
    """
    token_ids = TokenIds.concatenate([examples.token_ids for examples in languages])
    probabilities = predict(
        model,
        token_ids,
        max_tokens=max_tokens,
        precision=precision,
        ranks=ranks,
        compute=compute,
    )
    predictions = Predictions(
        languages=np.repeat([e.language for e in languages], [len(e.labels) for e in languages]),
        rows=np.concatenate([examples.rows for examples in languages]),
        labels=np.concatenate([examples.labels for examples in languages]),
        predicted=probabilities.argmax(axis=1),
        probabilities=probabilities,
    )
    parts = {e.language: predictions.languages == e.language for e in languages}
    scores = SplitScores.from_predictions(
        *(
            {language: column[part] for language, part in parts.items()}
            for column in (predictions.labels, predictions.predicted, predictions.rows)
        )
    )
    return scores, predictions
