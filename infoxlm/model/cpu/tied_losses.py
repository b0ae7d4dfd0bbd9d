"""Cross-entropy among every row of a table: one array of scores, which becomes its own gradient."""

from typing import Any

import paddle

from infoxlm.model.backward import Operation
from infoxlm.model.cpu.bf16.tied_losses import Bf16TiedLosses
from infoxlm.model.cpu.bf16.weights import in_bf16, weight_in_bf16
from infoxlm.model.cpu.compiled.compiler import library
from infoxlm.model.cpu.compiled.library import call
from infoxlm.model.cpu.cross_entropy import cross_entropy
from infoxlm.model.cpu.gradients import Learned
from infoxlm.model.cpu.spare import Spare
from infoxlm.model.cpu.tied_linear import tied_linear

_spare = Spare("float32")


class TiedLosses(Operation):
    """The cross-entropy of ``x @ table.T + bias`` over rows, differentiated once."""

    @staticmethod
    def forward(
        ctx: Any,
        x: paddle.Tensor,
        table: paddle.Tensor,
        bias: paddle.Tensor,
        labels: paddle.Tensor,
        learned: Learned,
    ) -> paddle.Tensor:
        """``[rows, hidden]`` and as `tied_losses` has them to ``[rows]``."""
        rows, (classes, width) = len(x), table.shape
        scores, losses = _spare.take(rows * classes), paddle.empty([rows])
        call("tied_losses", rows, width, classes, x, table, bias, labels, scores, losses)
        ctx.scores, ctx.learned = scores, learned
        ctx.save_for_backward(x, table)
        return losses

    @staticmethod
    def backward(ctx: Any, gradient: paddle.Tensor) -> tuple[paddle.Tensor | None, ...]:
        """The gradient of x; those of table and bias are added where they belong.

        What each row counts is multiplied into what is small: never into the scores.
        """
        x, table = ctx.saved_tensor()
        of_scores = ctx.scores[: len(x) * len(table)].reshape([len(x), len(table)])
        factors = gradient.unsqueeze(1)
        ctx.learned.add((of_scores, x * factors), (factors, of_scores))
        of_x = paddle.matmul(of_scores, table) * factors
        _spare.give(ctx.scores)
        del ctx.scores
        return of_x, None, None, None


def tied_losses(
    x: paddle.Tensor, table: paddle.Tensor, bias: paddle.Tensor, labels: paddle.Tensor
) -> paddle.Tensor:
    """The cross-entropy of labels among all rows of a table.

    Args:
        x: ``[rows, hidden]``.
        table: ``[classes, hidden]``.
        bias: ``[classes]``.
        labels: int64 ``[rows]``.

    Returns:
        ``[rows]``.
    """
    learned = Learned.of(x, table, bias)
    if learned is None or library() is None:
        return cross_entropy(tied_linear(x, table, bias), labels)
    if in_bf16():
        return Bf16TiedLosses.apply(x, weight_in_bf16(table), bias.detach(), labels, learned)
    return TiedLosses.apply(x, table.detach(), bias.detach(), labels, learned)
