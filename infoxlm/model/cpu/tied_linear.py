"""Scores of every row of a table: a linear layer whose matrix is the embeddings."""

from typing import Any

import paddle

from infoxlm.model.backward import Operation
from infoxlm.model.cpu.arrays import needed_gradients, save_needs_grad
from infoxlm.model.cpu.gradients import Learned, ones_for, sum_of_rows


class TiedLinear(Operation):
    """``x @ table.T + bias`` over rows."""

    @staticmethod
    def forward(
        ctx: Any,
        x: paddle.Tensor,
        table: paddle.Tensor,
        bias: paddle.Tensor,
        learned: Learned | None = None,
    ) -> paddle.Tensor:
        """``[rows, hidden]``, ``[classes, hidden]`` and ``[classes]`` to ``[rows, classes]``."""
        save_needs_grad(ctx, x, table, bias)
        ctx.learned = learned
        ctx.save_for_backward(x, table)
        return paddle.matmul(x, table, transpose_y=True).add_(bias)

    @staticmethod
    def backward(ctx: Any, gradient: paddle.Tensor) -> tuple[paddle.Tensor | None, ...]:
        """The gradients of x, table and bias; the last two unless they are added here."""
        x, table = ctx.saved_tensor()
        if ctx.learned is not None:
            ctx.learned.add((gradient, x), (ones_for(gradient), gradient))
        return needed_gradients(
            ctx,
            lambda: paddle.matmul(gradient, table),
            lambda: paddle.matmul(gradient, x, transpose_x=True),
            lambda: sum_of_rows(gradient),
        )


def tied_linear(x: paddle.Tensor, table: paddle.Tensor, bias: paddle.Tensor) -> paddle.Tensor:
    """`TiedLinear` along the last axis of `x`, ``[..., hidden]`` to ``[..., classes]``."""
    rows = x.reshape([-1, x.shape[-1]])
    learned = Learned.of(rows, table, bias)
    if learned is not None:
        table, bias = table.detach(), bias.detach()
    scores = TiedLinear.apply(rows, table, bias, learned)
    return scores.reshape([*x.shape[:-1], table.shape[0]])
