"""Attention between the projections: everything that happens head by head."""

import math
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
from infoxlm.model.cpu.compiled.attention import CompiledAttention
from infoxlm.model.cpu.compiled.compiler import library
from infoxlm.model.cpu.dropout_mask import dropout_mask
from infoxlm.model.cpu.packing import Packing, Part
from infoxlm.model.cpu.softmax import softmax


class Attention(Operation):
    """``dropout(softmax(query @ key.T / sqrt(head_size) + bias)) @ value`` for every head."""

    @staticmethod
    def forward(
        ctx: Any,
        query: paddle.Tensor,
        key: paddle.Tensor,
        value: paddle.Tensor,
        queries: Packing,
        keys: Packing,
        bias: np.ndarray | None,
        heads: int,
        dropout: float,
    ) -> paddle.Tensor:
        """``[query tokens, hidden]`` and twice ``[tokens, hidden]`` to the first's shape."""
        save_needs_grad(ctx, query, key, value)
        ctx.scale = 1 / math.sqrt(query.shape[-1] // heads)
        ctx.queries, ctx.keys = queries, keys
        query = queries.by_head(query, heads, ctx.scale)
        key, value = keys.by_head(key, heads), keys.by_head(value, heads)
        product = paddle.matmul(query, key, transpose_y=True)
        batch, length = len(keys.lengths), keys.longest
        scores = array_of(product).reshape(batch, -1, length)
        mask = dropout_mask(scores.shape, dropout)
        probabilities = np.empty_like(scores)
        weights = probabilities if mask is None else np.empty_like(scores)

        def weigh(piece: int, rows: slice) -> None:
            part = np.add(scores[rows], 0 if bias is None else bias[rows], out=probabilities[rows])
            softmax(part)
            if mask is not None:
                np.multiply(part, mask.draw(piece, rows), out=weights[rows])

        in_chunks(weigh, batch, scores[0].size)
        ctx.mask, ctx.probabilities = mask, probabilities
        weights = tensor_of(weights.reshape(product.shape))
        context = paddle.matmul(weights, value)
        ctx.save_for_backward(query, key, value, weights, context)
        return queries.by_token(context)

    @staticmethod
    def backward(ctx: Any, gradient: paddle.Tensor) -> tuple[paddle.Tensor | None, ...]:
        """The gradients of query, key and value."""
        query, key, value, weights, context = ctx.saved_tensor()
        mask, probabilities = ctx.mask, ctx.probabilities
        outer = ctx.queries.gradient_by_head(gradient, query.shape[1])
        of_value = paddle.matmul(weights, outer, transpose_x=True)
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

        in_chunks(differentiate, len(inner), inner[0].size)
        of_scores = tensor_of(inner.reshape(weights.shape))
        return needed_gradients(
            ctx,
            lambda: ctx.queries.by_token(paddle.matmul(of_scores, key), ctx.scale),
            lambda: ctx.keys.by_token(paddle.matmul(of_scores, query, transpose_x=True)),
            lambda: ctx.keys.by_token(of_value),
        )


def attention(
    query: paddle.Tensor,
    key: paddle.Tensor,
    value: paddle.Tensor,
    where: paddle.Tensor | Packing | Part,
    *,
    heads: int,
    dropout: float,
) -> paddle.Tensor:
    """Scaled dot-product attention (Vaswani et al. 2017) over several heads.

    Args:
        query: ``[batch, queries, hidden]``, or without padding ``[query tokens, hidden]``.
        key: ``[batch, seq, hidden]`` or ``[tokens, hidden]``.
        value: As `key`.
        where: What hides padding, ``[batch, 1, 1, seq]``, which has no gradient; or where the
            sequences lie, all or a part of whose tokens query.
        heads: Number of heads.
        dropout: Probability of a weight to become 0.

    Returns:
        As `query`.
    """
    operation = CompiledAttention if library() else Attention
    if not isinstance(where, paddle.Tensor):
        queries, keys = (where.packing, where.whole) if isinstance(where, Part) else (where, where)
        # Compiled, each sequence is as long as it is; in NumPy's batches some have padding.
        bias = None if operation is CompiledAttention else keys.padding_bias
        return operation.apply(query, key, value, queries, keys, bias, heads, dropout)
    (batch, count, width), length = query.shape, key.shape[1]
    mixed = operation.apply(
        *(states.reshape([-1, width]) for states in (query, key, value)),
        Packing.rectangle(batch, count),
        Packing.rectangle(batch, length),
        array_of(where).reshape(batch, 1, length),
        heads,
        dropout,
    )
    return mixed.reshape([batch, count, width])
