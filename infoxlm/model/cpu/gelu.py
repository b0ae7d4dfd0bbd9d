"""The exact GELU, computed together with its derivative."""

import math
from typing import Any

import numpy as np
import paddle

from infoxlm.model.backward import Operation
from infoxlm.model.cpu.arrays import array_of, in_chunks, tensor_of
from infoxlm.model.cpu.compiled.compiler import library
from infoxlm.model.cpu.compiled.gelu import CompiledGelu, gelu_without_gradient


class Gelu(Operation):
    """``x * Phi(x)`` with the normal distribution's Phi (Hendrycks & Gimpel 2016).

    Its derivative is computed with it: of what the two share nothing is read again, and one array
    is kept for the backward pass instead of two.
    """

    @staticmethod
    def forward(ctx: Any, x: paddle.Tensor) -> paddle.Tensor:
        """Any shape."""
        flat = array_of(x).ravel()
        slope, out = np.empty_like(flat), np.empty_like(flat)

        def scale(_: int, part: slice) -> None:
            np.multiply(flat[part], np.float32(math.sqrt(0.5)), out=slope[part])

        in_chunks(scale, len(flat), 1)
        paddle.erf_(tensor_of(slope))  # into the array; nobody else has the tensor

        def differentiate(_: int, part: slice) -> None:
            """From ``erf`` to ``Phi(x) + x * phi(x)``, and ``x * Phi(x)`` on the way."""
            cumulative = np.multiply(slope[part], np.float32(0.5), out=slope[part])
            cumulative += np.float32(0.5)
            np.multiply(flat[part], cumulative, out=out[part])
            density = np.multiply(flat[part], flat[part])
            density *= np.float32(-0.5)
            np.exp(density, out=density)
            density *= np.float32(1 / math.sqrt(2 * math.pi))
            density *= flat[part]
            cumulative += density

        in_chunks(differentiate, len(flat), 1)
        ctx.save_for_backward(tensor_of(slope.reshape(x.shape)))
        return tensor_of(out.reshape(x.shape))

    @staticmethod
    def backward(ctx: Any, gradient: paddle.Tensor) -> paddle.Tensor:
        """``Phi(x) + x * phi(x)``, times the gradient."""
        (slope,) = ctx.saved_tensor()
        return gradient * slope


def gelu(x: paddle.Tensor) -> paddle.Tensor:
    """The exact GELU of every element."""
    if not library():
        return Gelu.apply(x)
    return CompiledGelu.apply(x) if paddle.is_grad_enabled() else gelu_without_gradient(x)
