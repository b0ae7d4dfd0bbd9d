"""Calling what `kernels.c` has, or another library, for arrays and tensors."""

import ctypes
from collections.abc import Sequence
from typing import Any

import numpy as np
import paddle

from infoxlm.model.cpu.compiled.compiler import library
from infoxlm.model.cpu.packing import Packing

#: Rows of a piece in LayerNorm; `ROWS` in the source.
ROWS = 64

_long, _float, _address = ctypes.c_long, ctypes.c_float, ctypes.c_void_p


class Dropout(ctypes.Structure):
    """What dropout does to the elements of an operation.

    Seeded by Paddle's generator, so that `paddle.seed` rules, and recomputed activations see the
    mask they saw.
    """

    _fields_ = (("threshold", ctypes.c_uint32), ("factor", _float), ("seed", ctypes.c_uint64))

    @classmethod
    def of(cls, probability: float) -> "Dropout | None":
        """Draw a seed; None when nothing is dropped."""
        if not probability:
            return None
        high, low = paddle.randint(0, np.iinfo(np.int32).max, [2], dtype="int64").tolist()
        return cls(round(probability * 2**32), 1 / (1 - probability), high << 32 | low)


class Layout(ctypes.Structure):
    """Where the sequences of an attention lie; it keeps the arrays that it points into."""

    _fields_ = (
        ("sequences", _long),
        ("heads", _long),
        ("size", _long),
        ("query_starts", _address),
        ("query_lengths", _address),
        ("key_starts", _address),
        ("key_lengths", _address),
        ("bias", _address),
        ("bias_width", _long),
        ("scale", _float),
    )

    @classmethod
    def of(
        cls, queries: Packing, keys: Packing, heads: int, size: int, bias: np.ndarray | None
    ) -> "Layout":
        """Describe packed sequences; `bias` ``[batch, 1, seq]`` is added to their scores."""
        kept: Sequence[np.ndarray] = [
            np.ascontiguousarray(x, np.int64)
            for x in (queries.starts, queries.lengths, keys.starts, keys.lengths)
        ]
        width = 0
        if bias is not None:
            bias = np.ascontiguousarray(bias, np.float32)
            width = bias.shape[-1]
        made = cls(
            len(keys.lengths), heads, size, *(x.ctypes.data for x in kept),
            None if bias is None else bias.ctypes.data, width, size**-0.5,
        )  # fmt: skip
        made.kept = (kept, bias)
        return made


def call(name: str, *arguments: Any) -> None:
    """Call an operation.

    Args:
        name: Its name in the source.
        arguments: Tensors, what has a `data_ptr`, and structures are passed by address, None as a
            null pointer. Tensors that are written to must be contiguous; others are copied where
            they are not.

    Raises:
        MemoryError: There is no memory for its scores.
    """
    call_in(library(), name, *arguments)


def call_in(of: ctypes.CDLL | None, name: str, *arguments: Any) -> None:
    """`call` an operation of another library."""
    tensors = [x.contiguous() if isinstance(x, paddle.Tensor) else x for x in arguments]
    if getattr(of, name)(*map(_passed, tensors)) < 0:
        raise MemoryError(f"{name}: no memory for the scores of a tile")


def _passed(value: Any) -> Any:
    if isinstance(value, paddle.Tensor):
        return _address(value.data_ptr())
    if isinstance(value, ctypes.Structure):
        return ctypes.byref(value)
    if isinstance(value, float):
        return _float(value)
    if isinstance(value, int):
        return _long(value)
    return None if value is None else _address(value.data_ptr())
