"""Tensors seen as NumPy arrays and back, without copying."""

import numpy as np
import paddle


def computes_here(tensor: paddle.Tensor) -> bool:
    """Whether this package's operations apply: fp32 in a CPU's memory, not a graph being traced."""
    return (
        paddle.in_dynamic_mode() and tensor.dtype == paddle.float32 and tensor.place.is_cpu_place()
    )


def pays_here(tensor: paddle.Tensor, training: bool) -> bool:
    """Whether an operation applies of which only dropout and the derivative are slow in Paddle.

    Recomputed activations are first computed without gradients, and must be the same then.
    """
    return computes_here(tensor) and (training or paddle.is_grad_enabled())


def array_of(tensor: paddle.Tensor) -> np.ndarray:
    """A tensor's own memory, read-only; the array keeps it alive."""
    return np.from_dlpack(tensor.detach())


def tensor_of(array: np.ndarray) -> paddle.Tensor:
    """A tensor in an array's own memory, kept alive by it; the array must not be changed later."""
    return paddle.from_dlpack(array)
