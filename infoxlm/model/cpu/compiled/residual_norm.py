"""Dropout, residual and LayerNorm in one pass in C."""

import math
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
        ctx.drop = Dropout.of(dropout)
        out, normal, inverse = normalise(
            states, residual, weight, bias, epsilon, ctx.drop, keep=True
        )
        ctx.save_for_backward(normal, inverse, weight)
        return out

    @staticmethod
    def backward(ctx: Any, gradient: paddle.Tensor) -> tuple[paddle.Tensor | None, ...]:
        """The gradients of states, residual, weight and bias (Ba et al. 2016, section 3)."""
        normal, inverse, weight = ctx.saved_tensor()
        of_states, of_residual, sums = differentiate(gradient, normal, inverse, weight, ctx.drop)
        of_weight, of_bias = sums.sum(axis=0)
        return needed_gradients(
            ctx, lambda: of_states, lambda: of_residual, lambda: of_weight, lambda: of_bias
        )


def normalise(
    states: paddle.Tensor,
    residual: paddle.Tensor,
    weight: paddle.Tensor,
    bias: paddle.Tensor,
    epsilon: float,
    drop: Dropout | None,
    keep: bool,
    added: paddle.Tensor | None = None,
) -> tuple[paddle.Tensor, paddle.Tensor | None, paddle.Tensor | None]:
    """``layer_norm(dropout(states + added) + residual)``.

    Args:
        states: As many numbers as `residual` or more, of any shape.
        residual: ``[..., hidden]``.
        weight: LayerNorm's, ``[hidden]``.
        bias: LayerNorm's, ``[hidden]``.
        epsilon: Added to the variance.
        drop: What is dropped out of the states.
        keep: Whether there will be a gradient.
        added: A bias of the states, ``[hidden]``.

    Returns:
        ``[..., hidden]``; and for the gradient, else None, the normalised states, and one over each
        row's deviation, ``[rows]``.
    """
    *outer, width = residual.shape
    rows, out = math.prod(outer), paddle.empty_like(residual)
    normal = paddle.empty_like(residual) if keep else None
    inverse = paddle.empty([rows]) if keep else None
    call(
        "residual_norm", rows, width, states, added, residual, weight, bias, epsilon, drop,
        out, normal, inverse,
    )  # fmt: skip
    return out, normal, inverse


def differentiate(
    gradient: paddle.Tensor,
    normal: paddle.Tensor,
    inverse: paddle.Tensor,
    weight: paddle.Tensor,
    drop: Dropout | None,
) -> tuple[paddle.Tensor, paddle.Tensor, paddle.Tensor]:
    """The gradients of states and residual, from what `normalise` kept.

    Returns:
        Both as `normal`; and ``[pieces, 2, hidden]``, which add up to those of weight and bias.
    """
    *outer, width = normal.shape
    rows = math.prod(outer)
    # Two tensors without dropout too: Paddle adds other gradients to them in place.
    of_states, of_residual = paddle.empty_like(normal), paddle.empty_like(normal)
    sums = paddle.empty([-(-rows // ROWS), 2, width])
    call(
        "residual_norm_gradient", rows, width, gradient, normal, inverse, weight, drop,
        of_states, of_residual, sums,
    )  # fmt: skip
    return of_states, of_residual, sums
