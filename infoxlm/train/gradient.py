"""The gradient of a batch, summed over micro-batches, and its clipping by the global norm.

Each micro-batch contributes the sum of its examples' losses divided by the weight of the whole
batch, so that every example counts the same whatever the micro-batches and the ranks are.
"""

import math
from collections.abc import Callable, Iterable

import numpy as np
import paddle
from paddle.nn.clip import _squared_l2_norm  # 30 times as fast as paddle.linalg.norm on a CPU
from paddle.profiler import RecordEvent

from infoxlm.data.batches import micro_batches
from infoxlm.data.examples import Batch
from infoxlm.model.backward import backward_pass
from infoxlm.model.precision import Precision
from infoxlm.tasks.objective import Objective
from infoxlm.train.active_vocabulary import ActiveVocabulary
from infoxlm.train.stream_batch import tensors_of


def accumulate_gradient(
    objective: Objective,
    batch: Batch,
    share: np.ndarray,
    *,
    divisor: float,
    max_tokens: int,
    max_rows: int | None = None,
    vocabulary: ActiveVocabulary | None = None,
    precision: Precision | None = None,
    after_micro_batch: Callable[[], None] = lambda: None,
) -> np.ndarray:
    """Add the gradient of a share of a batch to the parameters' ``.grad``.

    Args:
        objective: The training objective; its model in training mode.
        batch: The whole batch.
        share: The examples of it that are this rank's, int64 ``[k]``.
        divisor: The divisor of the sum of losses: the weight of the whole batch over the
            stream's.
        max_tokens: Most tokens of a micro-batch, padding included.
        max_rows: Most examples of a micro-batch.
        vocabulary: Renumbers token ids where only the rows in use are trained.
        precision: Mixed precision; None: fp32.
        after_micro_batch: Called after each micro-batch.

    Returns:
        The loss of each example, float32 ``[k]``, in the order of `share`.
    """
    precision = precision or Precision()
    chosen = list(micro_batches(batch.lengths[share], max_tokens, max_rows))
    losses = []
    for micro_batch in chosen:
        tensors = tensors_of(batch, share[micro_batch], vocabulary)
        with RecordEvent("forward"), precision.autocast():
            outputs = objective.forward(tensors)
        with RecordEvent("backward"), backward_pass():
            loss = objective.loss(outputs, tensors)
            del outputs  # scores of a whole vocabulary are large, and may be no longer needed
            precision.scaler.scale(loss.sum() / divisor).backward()
        losses.append(loss.detach().flatten())
        after_micro_batch()
    if not losses:  # a batch of fewer examples than there are ranks
        return np.zeros(0, np.float32)
    # Copied only now, so that a GPU does not wait after each micro-batch.
    by_length = paddle.concat(losses).numpy()
    in_order = np.empty_like(by_length)
    in_order[np.concatenate(chosen)] = by_length
    return in_order


@paddle.no_grad()
def clip_gradient(parameters: Iterable[paddle.Tensor], max_norm: float | None) -> float:
    """Scale the gradients so that their global norm is at most `max_norm` (Pascanu et al. 2013).

    Args:
        parameters: Those without a gradient are left out.
        max_norm: The largest norm; None only measures.

    Returns:
        The norm before clipping: the root of the sum of squares over all gradients. NaN or
        infinite when a gradient is; then nothing is scaled.
    """
    gradients = [x.grad for x in parameters if x.grad is not None]
    squares = paddle.stack([_squared_l2_norm(gradient).flatten()[0] for gradient in gradients])
    norm = math.sqrt(float(squares.astype("float64").sum()))
    if max_norm is not None and max_norm < norm < math.inf:
        for gradient in gradients:
            gradient.scale_(max_norm / norm)
    return norm
