"""The exact GELU, with a derivative in fewer passes."""

import math
from typing import Any

import numpy as np
import paddle
from paddle.autograd import PyLayer

from infoxlm.model.cpu.arrays import array_of, tensor_of
from infoxlm.model.cpu.pieces import in_pieces


class Gelu(PyLayer):
    """``x * Phi(x)`` with the normal distribution's Phi (Hendrycks & Gimpel 2016)."""

    @staticmethod
    def forward(ctx: Any, x: paddle.Tensor) -> paddle.Tensor:
        """Any shape."""
        cumulative = paddle.erf(x.scale(math.sqrt(0.5))).scale_(0.5, 0.5)
        ctx.save_for_backward(x, cumulative)
        return x * cumulative

    @staticmethod
    def backward(ctx: Any, gradient: paddle.Tensor) -> paddle.Tensor:
        """``Phi(x) + x * phi(x)``, times the gradient."""
        x, cumulative = (array_of(tensor).ravel() for tensor in ctx.saved_tensor())
        outer = array_of(gradient).ravel()
        inner = np.empty_like(x)

        def differentiate(_: int, part: slice) -> None:
            slope = np.multiply(x[part], x[part], out=inner[part])
            slope *= np.float32(-0.5)
            np.exp(slope, out=slope)
            slope *= np.float32(1 / math.sqrt(2 * math.pi))
            slope *= x[part]
            slope += cumulative[part]
            slope *= outer[part]

        in_pieces(differentiate, len(x), 1)
        return tensor_of(inner.reshape(gradient.shape))


def gelu(x: paddle.Tensor) -> paddle.Tensor:
    """The exact GELU of every element."""
    return Gelu.apply(x)
