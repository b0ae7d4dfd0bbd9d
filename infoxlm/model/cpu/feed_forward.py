"""Both products of the feed-forward sub-layer with GELU between them, where nothing is learned."""

import paddle

from infoxlm.model.cpu.arrays import is_cpu_fp32
from infoxlm.model.cpu.compiled.compiler import library
from infoxlm.model.cpu.compiled.library import call

#: Rows below which some thread would have nothing to do.
ROWS = 512


def fuses_here(states: paddle.Tensor, training: bool) -> bool:
    """Tell whether `feed_forward` applies to states.

    Not while training: recomputed activations are first computed without gradients, and must be
    the same then.
    """
    if training or paddle.is_grad_enabled() or not is_cpu_fp32(states) or library() is None:
        return False
    return bool(states.size >= ROWS * states.shape[-1])


def feed_forward(
    states: paddle.Tensor,
    first: paddle.Tensor,
    first_bias: paddle.Tensor,
    second: paddle.Tensor,
    second_bias: paddle.Tensor,
) -> paddle.Tensor:
    """``gelu(states @ first + first_bias) @ second + second_bias``, which never leaves the cache.

    Args:
        states: ``[..., hidden]``.
        first: ``[hidden, intermediate]``.
        first_bias: ``[intermediate]``.
        second: ``[intermediate, hidden]``.
        second_bias: ``[hidden]``.

    Returns:
        ``[..., hidden]``.
    """
    out, (width, inner) = paddle.empty_like(states), first.shape
    rows = states.size // width
    call("feed_forward", rows, width, inner, states, first, first_bias, second, second_bias, out)
    return out
