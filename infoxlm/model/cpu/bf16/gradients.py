"""Gradients of parameters, added to what is there: float32 sums of bfloat16 products."""

import paddle

from infoxlm.model.cpu.bf16.half import Half
from infoxlm.model.cpu.bf16.library import call_bf16
from infoxlm.model.cpu.bf16.onednn import multiply


def add_product(parameter: paddle.Tensor, left: Half, right: Half) -> None:
    """Add ``left.T @ right`` to a parameter's ``.grad``, unless it is frozen.

    Args:
        parameter: ``[n, m]``.
        left: bfloat16 ``[rows, n]``.
        right: bfloat16 ``[rows, m]``.
    """
    if parameter.stop_gradient:
        return
    known = parameter.grad
    out = paddle.empty(parameter.shape) if known is None else known
    multiply(left, right, out, transpose_left=True, add=known is not None)
    if known is None:
        parameter.grad = out


def add_rows(parameter: paddle.Tensor, rows: Half, factors: paddle.Tensor | None = None) -> None:
    """Add the sum of rows to a parameter's ``.grad``, unless it is frozen.

    Args:
        parameter: ``[width]``.
        rows: bfloat16 ``[rows, width]``.
        factors: What each row counts, float32 ``[rows]``; None: 1.
    """
    if parameter.stop_gradient:
        return
    call_bf16("add_rows", *rows.shape, rows, factors, gradient_of(parameter))


def gradient_of(parameter: paddle.Tensor) -> paddle.Tensor:
    """A parameter's ``.grad``, made where there is none; of a frozen one, what is forgotten."""
    if parameter.stop_gradient:
        return paddle.zeros_like(parameter)
    if parameter.grad is None:
        parameter.grad = paddle.zeros_like(parameter)
    return parameter.grad
