"""Attention between the projections: everything that happens head by head."""

import math
from typing import Any

import numpy as np
import paddle
from paddle.autograd import PyLayer

from infoxlm.model.cpu.arrays import array_of, tensor_of
from infoxlm.model.cpu.dropout_mask import dropout_mask
from infoxlm.model.cpu.pieces import in_pieces
from infoxlm.model.cpu.wanted import note_wanted, only_wanted


def split_heads(states: paddle.Tensor, heads: int, scale: float = 1.0) -> paddle.Tensor:
    """``[batch, seq, hidden]`` to ``[batch, heads, seq, head_size]``, times a number on the way."""
    batch, length, width = states.shape
    by_head = array_of(states).reshape(batch, length, heads, width // heads).transpose(0, 2, 1, 3)
    if scale == 1.0:
        return tensor_of(by_head.copy())
    return tensor_of(np.multiply(by_head, np.float32(scale), order="C"))


def merge_heads(states: paddle.Tensor, scale: float = 1.0) -> paddle.Tensor:
    """``[batch, heads, seq, head_size]`` to ``[batch, seq, hidden]``, times a number on the way."""
    by_token = array_of(states).transpose(0, 2, 1, 3)
    if scale == 1.0:
        merged = by_token.copy()
    else:
        merged = np.multiply(by_token, np.float32(scale), order="C")
    batch, length, heads, size = merged.shape
    return tensor_of(merged.reshape(batch, length, heads * size))


class Attention(PyLayer):
    """``dropout(softmax(query @ key.T / sqrt(head_size) + bias)) @ value`` for every head."""

    @staticmethod
    def forward(
        ctx: Any,
        query: paddle.Tensor,
        key: paddle.Tensor,
        value: paddle.Tensor,
        bias: paddle.Tensor,
        heads: int,
        dropout: float,
    ) -> paddle.Tensor:
        """``[batch, queries, hidden]`` and twice ``[batch, seq, hidden]`` to the first's shape."""
        note_wanted(ctx, query, key, value, bias)
        ctx.scale = 1 / math.sqrt(query.shape[-1] // heads)
        query = split_heads(query, heads, ctx.scale)
        key, value = split_heads(key, heads), split_heads(value, heads)
        scores = array_of(paddle.matmul(query, key, transpose_y=True))
        hiding = array_of(bias)
        batch, _, queries, length = scores.shape
        scores = scores.reshape(batch, heads * queries, length)
        hiding = hiding.reshape(batch, 1, length)
        mask = dropout_mask(scores.shape, dropout)
        probabilities = np.empty_like(scores)
        weights = probabilities if mask is None else np.empty_like(scores)

        def weigh(piece: int, rows: slice) -> None:
            part = np.add(scores[rows], hiding[rows], out=probabilities[rows])
            part -= part.max(-1, keepdims=True)
            np.exp(part, out=part)
            part /= part.sum(-1, keepdims=True)
            if mask is not None:
                np.multiply(part, mask.draw(piece, rows), out=weights[rows])

        in_pieces(weigh, batch, heads * queries * length)
        context = paddle.matmul(tensor_of(weights.reshape(batch, heads, queries, length)), value)
        ctx.mask, ctx.probabilities, ctx.weights = mask, probabilities, weights
        ctx.save_for_backward(query, key, value, context)
        return merge_heads(context)

    @staticmethod
    def backward(ctx: Any, gradient: paddle.Tensor) -> tuple[paddle.Tensor | None, ...]:
        """The gradients of query, key and value."""
        query, key, value, context = ctx.saved_tensor()
        mask, probabilities = ctx.mask, ctx.probabilities
        outer = split_heads(gradient, query.shape[1])
        by_head = [*query.shape[:3], key.shape[2]]
        of_value = paddle.matmul(tensor_of(ctx.weights.reshape(by_head)), outer, transpose_x=True)
        of_weights = array_of(paddle.matmul(outer, value, transpose_y=True))
        of_weights = of_weights.reshape(probabilities.shape)
        # Softmax's derivative subtracts the mean of its gradient, which is outer times context
        # (Dao et al. 2022, appendix B.2): rows of head_size numbers instead of seq.
        means = np.einsum("bhqd,bhqd->bhq", array_of(outer), array_of(context))
        means = means.reshape(*probabilities.shape[:2], 1)
        inner = np.empty_like(probabilities)

        def differentiate(_: int, rows: slice) -> None:
            if mask is None:
                np.subtract(of_weights[rows], means[rows], out=inner[rows])
            else:
                np.multiply(of_weights[rows], mask.values[rows], out=inner[rows])
                inner[rows] -= means[rows]
            inner[rows] *= probabilities[rows]

        in_pieces(differentiate, len(inner), inner[0].size)
        of_scores = tensor_of(inner.reshape(by_head))
        return only_wanted(
            ctx,
            lambda: merge_heads(paddle.matmul(of_scores, key), ctx.scale),
            lambda: merge_heads(paddle.matmul(of_scores, query, transpose_x=True)),
            lambda: merge_heads(of_value),
            lambda: None,
        )


def attention(
    query: paddle.Tensor,
    key: paddle.Tensor,
    value: paddle.Tensor,
    bias: paddle.Tensor,
    *,
    heads: int,
    dropout: float,
) -> paddle.Tensor:
    """Scaled dot-product attention (Vaswani et al. 2017) over several heads.

    Args:
        query: ``[batch, queries, hidden]``.
        key: ``[batch, seq, hidden]``.
        value: ``[batch, seq, hidden]``.
        bias: What hides padding, ``[batch, 1, 1, seq]``; it has no gradient.
        heads: Number of heads.
        dropout: Probability of a weight to become 0.

    Returns:
        ``[batch, queries, hidden]``.
    """
    return Attention.apply(query, key, value, bias, heads, dropout)
