"""A block of the encoder with bfloat16 products, as one operation."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import paddle
from paddle import nn

from infoxlm.errors import UserError
from infoxlm.model.backward import Operation
from infoxlm.model.cpu.arrays import array_of
from infoxlm.model.cpu.bf16.gradients import add_product, add_rows
from infoxlm.model.cpu.bf16.half import Half, narrow, scratch
from infoxlm.model.cpu.bf16.library import call_bf16
from infoxlm.model.cpu.bf16.norm import residual_norm
from infoxlm.model.cpu.bf16.onednn import multiply
from infoxlm.model.cpu.bf16.weights import weight_in_bf16
from infoxlm.model.cpu.compiled.library import Dropout, Layout
from infoxlm.model.cpu.packing import Packing, Part


@dataclass(frozen=True, eq=False)
class BlockLayers:
    """The parameters of a block, and its probabilities of dropout."""

    query: nn.Linear
    key: nn.Linear
    value: nn.Linear
    attended: nn.Linear
    attention_norm: nn.LayerNorm
    widen: nn.Linear
    shrink: nn.Linear
    norm: nn.LayerNorm
    heads: int
    attention_dropout: float
    dropout: float

    def weights(self) -> dict[str, Half]:
        """The matrices in bfloat16."""
        names = ("query", "key", "value", "attended", "widen", "shrink")
        return {name: weight_in_bf16(getattr(self, name).weight) for name in names}


@dataclass(frozen=True, eq=False)
class Where:
    """Where the sequences of a batch lie.

    Attributes:
        queries: Those of the tokens that a block is wanted of.
        keys: Those of all tokens.
        places: The queries among all tokens, int64 ``[queries]``; None: all.
        bias: Is added to scores, float32 ``[batch, 1, seq]``; None: nothing.
    """

    queries: Packing
    keys: Packing
    places: paddle.Tensor | None = None
    bias: np.ndarray | None = None


class Block(Operation):
    """Attention and feed-forward, each with residual and LayerNorm."""

    @staticmethod
    def forward(
        ctx: Any, states: paddle.Tensor, layers: BlockLayers, where: Where
    ) -> paddle.Tensor:
        """``[tokens, hidden]`` to ``[queries, hidden]``."""
        return compute(states, layers, where, ctx)

    @staticmethod
    def backward(ctx: Any, gradient: paddle.Tensor) -> paddle.Tensor:
        """The gradient of the states; those of parameters are added where they belong."""
        layers, where, weights = ctx.layers, ctx.where, ctx.weights
        states, queried, query, key, value, context, attended, between = ctx.halves
        rows, width = gradient.shape
        inner = between.shape[1]

        of_projected, of_attended = ctx.norm.backward(gradient)
        outer = narrow(of_projected, Half.reused("outer", rows, width))
        of_fed = summed(outer, weights["shrink"], transpose_right=True)
        fed, of_between = (Half.reused(x, rows, inner) for x in ("fed", "of_between"))
        call_bf16("gelu_gradient", rows * inner, between, of_fed, fed, of_between)
        learn(layers.shrink, fed, outer)
        learn(layers.widen, attended, of_between)
        multiply(of_between, weights["widen"], of_attended, transpose_right=True, add=True)

        of_projected, of_queried = ctx.attention_norm.backward(of_attended)
        outer = narrow(of_projected, outer)
        learn(layers.attended, context, outer)
        outer = narrow(summed(outer, weights["attended"], transpose_right=True), outer)
        of_query = Half.reused("of_query", *query.shape)
        of_key, of_value = (Half.reused(x, *key.shape) for x in ("of_key", "of_value"))
        call_bf16(
            "attention_gradient", ctx.layout, query, key, value, ctx.drop, context, outer,
            ctx.maxima, ctx.scales, rows, of_query, of_key, of_value,
        )  # fmt: skip
        learn(layers.query, queried, of_query)
        learn(layers.key, states, of_key)
        learn(layers.value, states, of_value)
        multiply(of_query, weights["query"], of_queried, transpose_right=True, add=True)
        of_states = of_queried if where.places is None else paddle.zeros(states.shape)
        multiply(of_key, weights["key"], of_states, transpose_right=True, add=True)
        multiply(of_value, weights["value"], of_states, transpose_right=True, add=True)
        if where.places is not None:
            paddle.index_add_(of_states, where.places, 0, of_queried)
        # The loss, and with it this, may live until the next one is there.
        del ctx.halves, ctx.norm, ctx.attention_norm
        return of_states


def compute(
    states: paddle.Tensor, layers: BlockLayers, where: Where, ctx: Any = None
) -> paddle.Tensor:
    """Compute a block, and keep in `ctx` what its gradient needs."""
    keep, weights = ctx is not None, layers.weights()

    def room(name: str, *shape: int) -> Half:
        """Memory of its own for what the gradient needs."""
        return Half.empty(*shape) if keep else Half.reused(name, *shape)

    queried, (tokens, width) = states, states.shape
    states_16 = queried_16 = narrow(states, room("states", tokens, width))
    if where.places is not None:
        queried = states.index_select(where.places)
        queried_16 = narrow(queried, room("queried", *queried.shape))
    rows = len(queried)
    query = project(queried_16, weights["query"], layers.query, room("query", rows, width))
    key = project(states_16, weights["key"], layers.key, room("key", tokens, width))
    value = project(states_16, weights["value"], layers.value, room("value", tokens, width))
    layout = Layout.of(where.queries, where.keys, layers.heads, width // layers.heads, where.bias)
    drop, context = Dropout.of(layers.attention_dropout), room("context", rows, width)
    maxima, scales = (paddle.empty([layers.heads, rows]) for _ in range(2))
    call_bf16("attention", layout, query, key, value, drop, context, maxima, scales, rows)
    attended, attention_norm = residual_norm(
        summed(context, weights["attended"]), layers.attended.bias,
        queried, layers.attention_norm, layers.dropout, keep,
    )  # fmt: skip
    attended_16 = narrow(attended, room("attended", rows, width))
    inner = layers.widen.weight.shape[1]
    widened = summed(attended_16, weights["widen"])
    between = Half.empty(rows, inner) if keep else None
    fed = Half.reused("fed", rows, inner)
    call_bf16("gelu", rows, inner, widened, layers.widen.bias, between, fed)
    out, norm = residual_norm(
        summed(fed, weights["shrink"]), layers.shrink.bias,
        attended, layers.norm, layers.dropout, keep,
    )  # fmt: skip
    if keep:
        ctx.layers, ctx.where, ctx.weights = layers, where, weights
        ctx.layout, ctx.drop, ctx.maxima, ctx.scales = layout, drop, maxima, scales
        ctx.attention_norm, ctx.norm = attention_norm, norm
        ctx.halves = states_16, queried_16, query, key, value, context, attended_16, between
    return out


def project(x: Half, weight: Half, layer: nn.Linear, out: Half) -> Half:
    """``x @ weight + bias``, all in bfloat16 but the sums."""
    return narrow(summed(x, weight), out, layer.bias)


def summed(x: Half, weight: Half, transpose_right: bool = False) -> paddle.Tensor:
    """``x @ weight`` of bfloat16 factors in float32, in the scratch."""
    sums = scratch(x.shape[0] * weight.shape[0 if transpose_right else 1])
    multiply(x, weight, sums, transpose_right=transpose_right)
    return sums


def learn(layer: nn.Linear, x: Half, gradient: Half) -> None:
    """Add the gradients of a linear layer from its input and its output's gradient."""
    add_product(layer.weight, x, gradient)
    add_rows(layer.bias, gradient)


def bf16_block(
    states: paddle.Tensor,
    where: paddle.Tensor | Packing | Part,
    layers: BlockLayers,
    first_token_only: bool = False,
) -> paddle.Tensor:
    """A block with bfloat16 products.

    Args:
        states: float32 ``[batch, seq, hidden]``, or without padding ``[tokens, hidden]``.
        where: What hides padding, ``[batch, 1, 1, seq]``; or where the sequences lie, all or a
            part of whose tokens are wanted.
        layers: Its parameters.
        first_token_only: Of ``[batch, seq, hidden]``, whether only the first tokens are wanted.

    Returns:
        As `states`, of the wanted tokens.

    Raises:
        UserError: Heads have an odd number of elements, which are multiplied in pairs; or this
            machine has no such products.
    """
    width = states.shape[-1]
    if width // layers.heads % 2:
        raise UserError(
            f"hardware.amp=bf16 with heads of {width // layers.heads} elements, an odd number",
            "Set hardware.amp=none.",
        )
    shape, rows = states.shape, states.reshape([-1, width])
    if isinstance(where, Part):
        found = Where(where.packing, where.whole, paddle.to_tensor(where.places))
    elif isinstance(where, Packing):
        found = Where(where, where)
    else:
        batch, length = shape[:2]
        keys, queries, places = Packing.rectangle(batch, length), None, None
        if first_token_only:
            queries, places = Packing.rectangle(batch, 1), paddle.arange(batch) * length
            shape = [batch, 1, width]
        bias = array_of(where).reshape(batch, 1, length)
        found = Where(queries or keys, keys, places, bias)
    if not paddle.is_grad_enabled():
        out = compute(rows, layers, found)
    else:
        if rows.stop_gradient:
            # Nothing before is learned, but Paddle has to call the backward pass.
            rows = rows.detach()
            rows.stop_gradient = False
        out = Block.apply(rows, layers, found)
    return out if isinstance(where, Packing | Part) else out.reshape(shape)
