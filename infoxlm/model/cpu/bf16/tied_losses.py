"""Cross-entropy among every row of a table, with bfloat16 products."""

from typing import Any

import paddle

from infoxlm.model.backward import Operation
from infoxlm.model.cpu.bf16.gradients import add_product, add_rows
from infoxlm.model.cpu.bf16.half import Half, narrow, scratch
from infoxlm.model.cpu.bf16.library import call_bf16
from infoxlm.model.cpu.bf16.onednn import multiply
from infoxlm.model.cpu.gradients import Learned
from infoxlm.model.cpu.spare import Spare

_spare = Spare("bfloat16")


class Bf16TiedLosses(Operation):
    """The cross-entropy of ``x @ table.T + bias`` over rows, differentiated once.

    Scores are float32; their gradient is kept in bfloat16, to be multiplied.
    """

    @staticmethod
    def forward(
        ctx: Any,
        x: paddle.Tensor,
        table: Half,
        bias: paddle.Tensor,
        labels: paddle.Tensor,
        learned: Learned,
    ) -> paddle.Tensor:
        """``[rows, hidden]`` and as `tied_losses` has them to ``[rows]``."""
        rows, (classes, width) = len(x), table.shape
        scores, losses = scratch(rows * classes), paddle.empty([rows])
        x_16 = narrow(x, Half.reused("outer", rows, width))
        multiply(x_16, table, scores, transpose_right=True)
        ctx.of_scores = Half(_spare.take(rows * classes), (rows, classes))
        call_bf16("tied_losses", rows, classes, scores, bias, labels, ctx.of_scores, losses)
        ctx.table, ctx.learned = table, learned
        ctx.save_for_backward(x)
        return losses

    @staticmethod
    def backward(ctx: Any, gradient: paddle.Tensor) -> tuple[paddle.Tensor | None, ...]:
        """The gradient of x; those of table and bias are added where they belong."""
        (x,) = ctx.saved_tensor()
        factors = gradient.unsqueeze(1)
        if ctx.learned.weight is not None:
            weighted = narrow(x * factors, Half.reused("outer", *x.shape))
            add_product(ctx.learned.weight, ctx.of_scores, weighted)
        if ctx.learned.bias is not None:
            add_rows(ctx.learned.bias, ctx.of_scores, gradient)
        of_x = paddle.empty_like(x)
        multiply(ctx.of_scores, ctx.table, of_x)
        _spare.give(ctx.of_scores.room)
        del ctx.of_scores
        return of_x.multiply_(factors), None, None
