"""Helpers that the operations share: tensors as NumPy arrays, chunks, the gradients needed."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import numpy as np
import paddle

from infoxlm.hardware.environment import usual_threads
from infoxlm.model.cpu.compiled.compiler import library

#: Elements of a chunk: half a megabyte in float32, so that a few arrays fit a core's L2 cache. What
#: is random follows from it too, never from the number of threads.
ELEMENTS = 1 << 17


def is_cpu_fp32(tensor: paddle.Tensor) -> bool:
    """Tell whether this package's operations apply: fp32 on a CPU, not a graph being traced."""
    return (
        paddle.in_dynamic_mode() and tensor.dtype == paddle.float32 and tensor.place.is_cpu_place()
    )


def pays_here(tensor: paddle.Tensor, training: bool) -> bool:
    """Tell whether an operation applies where only dropout and the derivative are slow in Paddle.

    Recomputed activations are first computed without gradients, and must be the same then.
    """
    return is_cpu_fp32(tensor) and bool(training or paddle.is_grad_enabled() or library())


def array_of(tensor: paddle.Tensor) -> np.ndarray:
    """A tensor's own memory, read-only; the array keeps it alive."""
    return np.from_dlpack(tensor.detach())


def tensor_of(array: np.ndarray) -> paddle.Tensor:
    """A tensor in an array's own memory, kept alive by it; the array must not be changed later."""
    return paddle.from_dlpack(array)


@cache
def pool() -> ThreadPoolExecutor:
    """As many threads as the matrix products have."""
    return ThreadPoolExecutor(usual_threads(), "infoxlm-chunks")


def in_chunks(work: Callable[[int, slice], None], rows: int, width: int) -> None:
    """Do something to every row.

    NumPy's loops leave other threads free to run. Paddle's operations do not belong into `work`:
    each thread would get OpenMP threads of its own.

    Args:
        work: Is given the number of a chunk and its rows, perhaps on several threads at once.
        rows: Number of rows.
        width: Elements of a row.
    """
    step = max(1, ELEMENTS // width)
    chunks = [slice(start, start + step) for start in range(0, rows, step)]
    if len(chunks) == 1:
        work(0, chunks[0])
    else:
        for _ in pool().map(work, range(len(chunks)), chunks):
            pass


def save_needs_grad(ctx: object, *inputs: paddle.Tensor) -> None:
    """Note in the forward pass which inputs need a gradient."""
    ctx.needs_grad = [not tensor.stop_gradient for tensor in inputs]  # type: ignore[attr-defined]


def needed_gradients(
    ctx: object, *gradients: Callable[[], paddle.Tensor | None]
) -> tuple[paddle.Tensor | None, ...]:
    """The gradients that are needed, each computed only then, and None for the others."""
    needed: Sequence[bool] = ctx.needs_grad  # type: ignore[attr-defined]
    return tuple(
        gradient() if is_needed else None
        for gradient, is_needed in zip(gradients, needed, strict=True)
    )
