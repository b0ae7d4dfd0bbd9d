"""A linear layer whose bias costs nothing: added by the product, summed by a product."""

from typing import Any

import paddle

from infoxlm.model.backward import Operation
from infoxlm.model.cpu.arrays import needed_gradients, save_needs_grad
from infoxlm.model.cpu.gradients import Learned, ones_for, sum_of_rows


class Linear(Operation):
    """``x @ weight + bias`` over rows."""

    @staticmethod
    def forward(
        ctx: Any,
        x: paddle.Tensor,
        weight: paddle.Tensor,
        bias: paddle.Tensor,
        learned: Learned | None = None,
    ) -> paddle.Tensor:
        """``[rows, in]``, ``[in, out]`` and ``[out]`` to ``[rows, out]``."""
        save_needs_grad(ctx, x, weight, bias)
        ctx.learned = learned
        ctx.save_for_backward(x, weight)
        return paddle.addmm(bias, x, weight)

    @staticmethod
    def backward(ctx: Any, gradient: paddle.Tensor) -> tuple[paddle.Tensor | None, ...]:
        """The gradients of x, weight and bias; the last two unless they are added here."""
        x, weight = ctx.saved_tensor()
        if ctx.learned is not None:
            ctx.learned.add((x, gradient), (ones_for(gradient), gradient))
        return needed_gradients(
            ctx,
            lambda: paddle.matmul(gradient, weight, transpose_y=True),
            lambda: paddle.matmul(x, gradient, transpose_x=True),
            lambda: sum_of_rows(gradient),
        )


def linear(x: paddle.Tensor, weight: paddle.Tensor, bias: paddle.Tensor) -> paddle.Tensor:
    """``x @ weight + bias`` along the last axis of `x`, ``[..., in]`` to ``[..., out]``."""
    rows = x.reshape([-1, x.shape[-1]])
    learned = Learned.of(rows, weight, bias)
    if learned is not None:
        weight, bias = weight.detach(), bias.detach()
    out = Linear.apply(rows, weight, bias, learned)
    return out.reshape([*x.shape[:-1], weight.shape[1]])
