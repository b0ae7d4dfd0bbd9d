"""Tensors seen as NumPy arrays and back, without copying."""

import numpy as np
import paddle


def computes_here(tensor: paddle.Tensor) -> bool:
    """Whether this package's operations apply: fp32 in a CPU's memory, not a graph being traced."""
    return (
        paddle.in_dynamic_mode() and tensor.dtype == paddle.float32 and tensor.place.is_cpu_place()
    )


def array_of(tensor: paddle.Tensor) -> np.ndarray:
    """A tensor's own memory, read-only; the array keeps it alive."""
    return np.from_dlpack(tensor.detach())


def tensor_of(array: np.ndarray) -> paddle.Tensor:
    """A tensor in an array's own memory, kept alive by it; the array must not be changed later."""
    return paddle.from_dlpack(array)
