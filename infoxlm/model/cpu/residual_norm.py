"""Dropout, residual and LayerNorm in one operation."""

from typing import Any

import numpy as np
import paddle

from infoxlm.model.backward import Operation
from infoxlm.model.cpu.arrays import (
    array_of,
    in_chunks,
    needed_gradients,
    save_needs_grad,
    tensor_of,
)
from infoxlm.model.cpu.compiled.compiler import library
from infoxlm.model.cpu.compiled.residual_norm import (
    CompiledResidualNorm,
    normalise,
)
from infoxlm.model.cpu.dropout_mask import dropout_mask


class ResidualNorm(Operation):
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
        inner, outer, factor, shift = (
            array_of(x).reshape(-1, width) for x in (states, residual, weight, bias)
        )
        mask = dropout_mask(inner.shape, dropout)
        normal, out = np.empty_like(inner), np.empty_like(inner)
        inverse = np.empty((len(inner), 1), np.float32)

        def normalise(piece: int, rows: slice) -> None:
            total = normal[rows]
            if mask is None:
                np.add(inner[rows], outer[rows], out=total)
            else:
                np.multiply(inner[rows], mask.draw(piece, rows), out=total)
                total += outer[rows]
            total -= np.einsum("rh->r", total)[:, None] / np.float32(width)
            variance = np.einsum("rh,rh->r", total, total)[:, None] / np.float32(width)
            inverse[rows] = 1 / np.sqrt(variance + np.float32(epsilon))
            total *= inverse[rows]
            scaled = np.multiply(total, factor, out=out[rows])
            scaled += shift

        in_chunks(normalise, *inner.shape)
        ctx.mask, ctx.normal, ctx.inverse, ctx.factor = mask, normal, inverse, factor
        return tensor_of(out.reshape(states.shape))

    @staticmethod
    def backward(ctx: Any, gradient: paddle.Tensor) -> tuple[paddle.Tensor | None, ...]:
        """The gradients of states, residual, weight and bias (Ba et al. 2016, section 3)."""
        mask, normal, factor = ctx.mask, ctx.normal, ctx.factor
        width = normal.shape[1]
        outer = array_of(gradient).reshape(-1, width)
        inner = np.empty_like(normal)
        # Not `inner` without dropout either: Paddle adds other gradients to these two in place.
        dropped = np.empty_like(normal)
        sums: dict[int, np.ndarray] = {}

        def differentiate(piece: int, rows: slice) -> None:
            product = outer[rows] * normal[rows]
            sums[piece] = np.stack([product.sum(0), outer[rows].sum(0)])
            slope = np.einsum("rh,h->r", product, factor[0])[:, None] / np.float32(width)
            states = np.multiply(outer[rows], factor, out=inner[rows])
            states -= np.einsum("rh->r", states)[:, None] / np.float32(width)
            states -= np.multiply(normal[rows], slope, out=product)
            states *= ctx.inverse[rows]
            np.multiply(states, 1 if mask is None else mask.values[rows], out=dropped[rows])

        in_chunks(differentiate, *normal.shape)
        of_weight, of_bias = np.sum([sums[piece] for piece in sorted(sums)], axis=0)
        return needed_gradients(
            ctx,
            lambda: tensor_of(dropped.reshape(gradient.shape)),
            lambda: tensor_of(inner.reshape(gradient.shape)),
            lambda: tensor_of(of_weight),
            lambda: tensor_of(of_bias),
        )


def residual_norm(
    states: paddle.Tensor,
    residual: paddle.Tensor,
    weight: paddle.Tensor,
    bias: paddle.Tensor,
    *,
    epsilon: float,
    dropout: float,
) -> paddle.Tensor:
    """``layer_norm(dropout(states) + residual)`` over the last axis.

    Args:
        states: ``[..., hidden]``.
        residual: ``[..., hidden]``.
        weight: LayerNorm's, ``[hidden]``.
        bias: LayerNorm's, ``[hidden]``.
        epsilon: Added to the variance.
        dropout: Probability of a state to become 0.
    """
    if library() and not paddle.is_grad_enabled() and not dropout:
        return normalise(states, residual, weight, bias, epsilon, None, keep=False)[0]
    operation = CompiledResidualNorm if library() else ResidualNorm
    return operation.apply(states, residual, weight, bias, epsilon, dropout)
