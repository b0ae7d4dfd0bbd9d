"""The exact GELU in C, computed together with its derivative."""

from typing import Any

import paddle

from infoxlm.model.backward import Operation
from infoxlm.model.cpu.compiled.library import call


class CompiledGelu(Operation):
    """``x * Phi(x)`` with the normal distribution's Phi (Hendrycks & Gimpel 2016)."""

    @staticmethod
    def forward(ctx: Any, x: paddle.Tensor) -> paddle.Tensor:
        """Any shape."""
        out, slope = paddle.empty_like(x), paddle.empty_like(x)
        call("gelu", x.size, x, out, slope)
        ctx.save_for_backward(slope)
        return out

    @staticmethod
    def backward(ctx: Any, gradient: paddle.Tensor) -> paddle.Tensor:
        """``Phi(x) + x * phi(x)``, times the gradient."""
        (slope,) = ctx.saved_tensor()
        return gradient * slope


def gelu_without_gradient(x: paddle.Tensor) -> paddle.Tensor:
    """The exact GELU of every element, where no gradient is wanted."""
    out = paddle.empty_like(x)
    call("gelu", x.size, x, out, None)
    return out
