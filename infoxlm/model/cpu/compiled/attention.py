"""Attention in C: head by head where the states lie, and its weights never leave the cache."""

from typing import Any

import numpy as np
import paddle

from infoxlm.model.backward import Operation
from infoxlm.model.cpu.arrays import needed_gradients, save_needs_grad
from infoxlm.model.cpu.compiled.library import Dropout, Layout, call
from infoxlm.model.cpu.packing import Packing


class CompiledAttention(Operation):
    """``dropout(softmax(query @ key.T / sqrt(head_size) + bias)) @ value`` for every head.

    For the backward pass each row's maximum and sum are kept; the weights, and the mask of dropout,
    are computed again.
    """

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
        query, key, value = (x.contiguous() for x in (query, key, value))
        tokens, hidden = query.shape
        layout = Layout.of(queries, keys, heads, hidden // heads, bias)
        drop = Dropout.of(dropout)
        context = paddle.empty_like(query)
        maxima, scales = (paddle.empty([heads, tokens]) for _ in range(2))
        call("attention", layout, query, key, value, drop, context, maxima, scales, tokens)
        ctx.layout, ctx.drop = layout, drop
        ctx.save_for_backward(query, key, value, context, maxima, scales)
        return context

    @staticmethod
    def backward(ctx: Any, gradient: paddle.Tensor) -> tuple[paddle.Tensor | None, ...]:
        """The gradients of query, key and value."""
        query, key, value, context, maxima, scales = ctx.saved_tensor()
        of_query, of_key, of_value = (paddle.empty_like(x) for x in (query, key, value))
        call(
            "attention_gradient", ctx.layout, query, key, value, ctx.drop, context,
            gradient, maxima, scales, query.shape[0],
            of_query, of_key, of_value,
        )  # fmt: skip
        return needed_gradients(ctx, lambda: of_query, lambda: of_key, lambda: of_value)
