"""The exact gradient of a window, summed over micro-batches."""

from dataclasses import dataclass

import numpy as np
import paddle
import paddle.nn.functional as F

from infoxlm.data.batches import micro_batches
from infoxlm.data.token_ids import TokenIds
from infoxlm.model import InfoXLMForSequenceClassification
from infoxlm.model.precision import Precision


@dataclass(frozen=True)
class TrainingPairs:
    """What is trained on.

    Attributes:
        token_ids: The encoded pairs.
        labels: Label ids as the model counts them, int64 ``[n]``.
    """

    token_ids: TokenIds
    labels: np.ndarray


def accumulate_gradient(
    model: InfoXLMForSequenceClassification,
    pairs: TrainingPairs,
    rows: np.ndarray,
    *,
    max_tokens: int,
    max_rows: int | None = None,
    precision: Precision | None = None,
) -> float:
    """Add the gradient of the mean loss over a window to the parameters' ``.grad``.

    Each micro-batch contributes the sum of its examples' losses divided by the size of the whole
    window, so that every example counts the same whatever the micro-batches are.

    Args:
        model: In training mode.
        pairs: What the rows refer to.
        rows: The window, int64 ``[n]``.
        max_tokens: Most tokens of a micro-batch, padding included.
        max_rows: Most pairs of a micro-batch.
        precision: Mixed precision; None: fp32.

    Returns:
        The mean cross-entropy over the window.
    """
    precision = precision or Precision()
    total = paddle.zeros([])
    for part in micro_batches(pairs.token_ids.lengths_of(rows), max_tokens, max_rows):
        input_ids = paddle.to_tensor(pairs.token_ids.padded(rows[part]))
        labels = paddle.to_tensor(pairs.labels[rows[part]])
        with precision.autocast():
            logits = model(input_ids).logits
        losses = F.cross_entropy(logits.astype("float32"), labels, reduction="sum")
        loss = losses / len(rows)
        precision.scaler.scale(loss).backward()
        total = total + loss.detach()
    return float(total)
