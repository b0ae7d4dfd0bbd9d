"""Dropout, residual and LayerNorm in one pass in C."""

from typing import Any

import paddle

from infoxlm.model.backward import Operation
from infoxlm.model.cpu.arrays import needed_gradients, save_needs_grad
from infoxlm.model.cpu.compiled.library import ROWS, Dropout, call


class CompiledResidualNorm(Operation):
    """``layer_norm(dropout(states) + residual)``."""

    @staticmethod
    def forward(
        ctx: Any,
        states: paddle.Tensor,
        residual: paddle.Tensor,
        weight: paddle.Tensor,
        bias: paddle.Tensor,
        epsilon: float,
        dropout: float,
    ) -> paddle.Tensor:
        """``[..., hidden]`` twice, and LayerNorm's two vectors, to ``[..., hidden]``."""
        save_needs_grad(ctx, states, residual, weight, bias)
        width = states.shape[-1]
        rows, drop = states.size // width, Dropout.of(dropout)
        out, normal, inverse = (
            paddle.empty_like(states), paddle.empty_like(states), paddle.empty([rows]),
        )  # fmt: skip
        call(
            "residual_norm", rows, width, states, residual, weight, bias, epsilon, drop,
            out, normal, inverse,
        )  # fmt: skip
        ctx.drop = drop
        ctx.save_for_backward(normal, inverse, weight)
        return out

    @staticmethod
    def backward(ctx: Any, gradient: paddle.Tensor) -> tuple[paddle.Tensor | None, ...]:
        """The gradients of states, residual, weight and bias (Ba et al. 2016, section 3)."""
        normal, inverse, weight = ctx.saved_tensor()
        width = normal.shape[-1]
        rows = normal.size // width
        # Two tensors without dropout too: Paddle adds other gradients to them in place.
        of_states, of_residual = paddle.empty_like(normal), paddle.empty_like(normal)
        sums = paddle.empty([-(-rows // ROWS), 2, width])
        call(
            "residual_norm_gradient", rows, width, gradient, normal, inverse, weight, ctx.drop,
            of_states, of_residual, sums,
        )  # fmt: skip
        of_weight, of_bias = sums.sum(axis=0)
        return needed_gradients(
            ctx, lambda: of_states, lambda: of_residual, lambda: of_weight, lambda: of_bias
        )


def residual_norm_without_gradient(
    states: paddle.Tensor,
    residual: paddle.Tensor,
    weight: paddle.Tensor,
    bias: paddle.Tensor,
    epsilon: float,
) -> paddle.Tensor:
    """``layer_norm(states + residual)``, where no gradient is wanted."""
    out, width = paddle.empty_like(states), states.shape[-1]
    call(
        "residual_norm", states.size // width, width, states, residual, weight, bias, epsilon,
        None, out, None, None,
    )  # fmt: skip
    return out
