"""Cross-entropy over many classes, of which one array is kept instead of three."""

from typing import Any

import numpy as np
import paddle

from infoxlm.model.backward import Operation
from infoxlm.model.cpu.arrays import array_of, in_chunks, tensor_of


class CrossEntropy(Operation):
    """``log(sum(exp(logits))) - logits[label]`` of every row.

    Paddle's own lifts what lies more than 64 below the largest logit to 64 below it, so that no
    loss exceeds 64 and a class that is ruled out by minus infinity is not: dot products that
    nothing normalises are further apart than that.
    """

    @staticmethod
    def forward(ctx: Any, logits: paddle.Tensor, labels: paddle.Tensor) -> paddle.Tensor:
        """``[rows, classes]`` and int64 ``[rows]`` to ``[rows]``."""
        scores, columns = array_of(logits), array_of(labels)[:, None]
        probabilities = np.empty_like(scores)
        losses = np.empty(len(scores), np.float32)

        def weigh(_: int, rows: slice) -> None:
            part = probabilities[rows]
            np.subtract(scores[rows], scores[rows].max(1, keepdims=True), out=part)
            losses[rows] = -np.take_along_axis(part, columns[rows], 1)[:, 0]
            np.exp(part, out=part)
            sums = part.sum(1)
            losses[rows] += np.log(sums)
            part /= sums[:, None]

        in_chunks(weigh, *scores.shape)
        ctx.probabilities, ctx.columns = probabilities, columns
        return tensor_of(losses)

    @staticmethod
    def backward(ctx: Any, gradient: paddle.Tensor) -> tuple[paddle.Tensor | None, ...]:
        """The gradient of the logits, in the memory of the probabilities."""
        of_logits, columns, factors = ctx.probabilities, ctx.columns, array_of(gradient)[:, None]
        del ctx.probabilities  # they are gone after this

        def differentiate(_: int, rows: slice) -> None:
            part = of_logits[rows]
            part[np.arange(len(part)), columns[rows, 0]] -= 1
            part *= factors[rows]

        in_chunks(differentiate, *of_logits.shape)
        return tensor_of(of_logits), None


def cross_entropy(logits: paddle.Tensor, labels: paddle.Tensor) -> paddle.Tensor:
    """The cross-entropy of every row, differentiated once.

    Args:
        logits: ``[rows, classes]``; minus infinity rules a class out.
        labels: int64 ``[rows]``.

    Returns:
        ``[rows]``.
    """
    return CrossEntropy.apply(logits, labels)
