"""Both products of the feed-forward sub-layer, with GELU between them."""

from typing import Any

import paddle

from infoxlm.model.backward import Operation
from infoxlm.model.cpu.arrays import is_cpu_fp32
from infoxlm.model.cpu.compiled.compiler import library
from infoxlm.model.cpu.compiled.gelu import gelu_without_gradient
from infoxlm.model.cpu.compiled.library import call
from infoxlm.model.cpu.gradients import Learned, ones_for

#: Rows below which some thread would have nothing to do, where nothing is learned.
ROWS = 512


class FeedForward(Operation):
    """``gelu(x @ first + first_bias) @ second + second_bias`` over rows, of learned matrices.

    Of what lies between the products one array is kept for the backward pass instead of two: a
    quarter of a block's memory. GELU is computed again, which takes a hundredth of the time.
    """

    @staticmethod
    def forward(
        ctx: Any,
        x: paddle.Tensor,
        first: paddle.Tensor,
        first_bias: paddle.Tensor,
        second: paddle.Tensor,
        second_bias: paddle.Tensor,
        learned: tuple[Learned, Learned],
    ) -> paddle.Tensor:
        """``[rows, hidden]`` in and out; the matrices as `feed_forward` has them."""
        between = paddle.addmm(first_bias, x, first)
        ctx.learned = learned
        ctx.save_for_backward(x, first, second, between)
        return paddle.addmm(second_bias, gelu_without_gradient(between), second)

    @staticmethod
    def backward(ctx: Any, gradient: paddle.Tensor) -> tuple[paddle.Tensor | None, ...]:
        """The gradient of x; those of the matrices are added where they belong."""
        x, first, second, between = ctx.saved_tensor()
        of_first, of_second = ctx.learned
        ones = ones_for(gradient)
        fed = paddle.empty_like(between)
        of_between = paddle.matmul(gradient, second, transpose_y=True)
        call("gelu_gradient", between.size, between, fed, of_between)
        of_second.add((fed, gradient), (ones, gradient))
        of_first.add((x, of_between), (ones, of_between))
        return paddle.matmul(of_between, first, transpose_y=True), None, None, None, None


def feed_forward(
    states: paddle.Tensor,
    first: paddle.Tensor,
    first_bias: paddle.Tensor,
    second: paddle.Tensor,
    second_bias: paddle.Tensor,
    training: bool,
) -> paddle.Tensor | None:
    """``gelu(states @ first + first_bias) @ second + second_bias``.

    Args:
        states: ``[..., hidden]``.
        first: ``[hidden, intermediate]``.
        first_bias: ``[intermediate]``.
        second: ``[intermediate, hidden]``.
        second_bias: ``[hidden]``.
        training: Whether the model is being trained.

    Returns:
        ``[..., hidden]``; None where three operations are better than one.
    """
    if not is_cpu_fp32(states) or library() is None:
        return None
    if not paddle.is_grad_enabled():
        # Recomputed activations are first computed without gradients, and must be the same then.
        if training or states.size < ROWS * states.shape[-1]:
            return None
        return _unlearned(states, first, first_bias, second, second_bias)
    of_first = Learned.of(states, first, first_bias)
    of_second = Learned.of(states, second, second_bias)
    if of_first is None or of_second is None:
        return None
    fed = FeedForward.apply(
        states.reshape([-1, states.shape[-1]]),
        *(x.detach() for x in (first, first_bias, second, second_bias)),
        (of_first, of_second),
    )
    return fed.reshape(states.shape)


def _unlearned(
    states: paddle.Tensor,
    first: paddle.Tensor,
    first_bias: paddle.Tensor,
    second: paddle.Tensor,
    second_bias: paddle.Tensor,
) -> paddle.Tensor:
    """The same some rows at a time, so that what lies between never leaves the cache."""
    out, (width, inner) = paddle.empty_like(states), first.shape
    rows = states.size // width
    call("feed_forward", rows, width, inner, states, first, first_bias, second, second_bias, out)
    return out
