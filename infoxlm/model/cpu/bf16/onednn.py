"""The bfloat16 product of the oneDNN that comes with Paddle, whose own operations never call it."""

import ctypes
from collections.abc import Sequence
from functools import cache
from typing import Protocol

import paddle
from paddle.profiler import RecordEvent

from infoxlm.errors import UserError
from infoxlm.model.cpu.compiled.compiler import PADDLE_LIBS

LIBRARY = PADDLE_LIBS / "libdnnl.so.3"

#: The version whose C interface is known; 3.6 was tried, and a major version keeps it.
MAJOR = 3

_char, _long, _float, _address = ctypes.c_char, ctypes.c_int64, ctypes.c_float, ctypes.c_void_p

#: Transposed or not twice; rows, columns and the length of sums; then as BLAS has it, row by row.
SIGNATURE = (
    _char, _char, _long, _long, _long,
    _float, _address, _long, _address, _long, _float, _address, _long,
)  # fmt: skip


class Matrix(Protocol):
    """A matrix in bfloat16, row by row."""

    @property
    def shape(self) -> Sequence[int]:
        """Rows and columns."""

    def data_ptr(self) -> int:
        """Its address."""


class Version(ctypes.Structure):
    """The beginning of oneDNN's ``dnnl_version_t``."""

    _fields_ = (("major", ctypes.c_int), ("minor", ctypes.c_int), ("patch", ctypes.c_int))


@cache
def gemm() -> "ctypes._NamedFuncPointer":
    """The function ``dnnl_gemm_bf16bf16f32``: bfloat16 factors, float32 sums.

    Its threads are those of the OpenMP runtime that Paddle has loaded.

    Raises:
        UserError: The library is not there, or another one than is known.
    """
    remedy = "Set hardware.amp=none, or install paddlepaddle 3.3.1."
    try:
        library = ctypes.CDLL(str(LIBRARY))
        library.dnnl_version.restype = ctypes.POINTER(Version)
        version = library.dnnl_version().contents
        function = library.dnnl_gemm_bf16bf16f32
    except (OSError, AttributeError) as error:
        raise UserError(
            f"hardware.amp=bf16: {LIBRARY} has no such product: {error}", remedy
        ) from None
    if version.major != MAJOR:
        raise UserError(
            f"hardware.amp=bf16: {LIBRARY} is oneDNN {version.major}.{version.minor}, not {MAJOR}",
            remedy,
        )
    function.argtypes = SIGNATURE
    function.restype = ctypes.c_int
    return function


def multiply(
    left: Matrix,
    right: Matrix,
    out: paddle.Tensor,
    *,
    transpose_left: bool = False,
    transpose_right: bool = False,
    add: bool = False,
) -> None:
    """``out = left @ right``, or ``out += left @ right``.

    Args:
        left: bfloat16 ``[rows, inner]``, or ``[inner, rows]`` where it is transposed.
        right: bfloat16 ``[inner, columns]``, or ``[columns, inner]`` where it is transposed.
        out: float32, contiguous, of ``rows * columns`` numbers or more.
        transpose_left: Whether the left factor is transposed.
        transpose_right: Whether the right factor is transposed.
        add: Add to what is there.

    Raises:
        ValueError: The factors do not fit.
        RuntimeError: oneDNN refused.
    """
    inner, rows = left.shape if transpose_left else left.shape[::-1]
    columns = right.shape[0 if transpose_right else 1]
    if inner != right.shape[1 if transpose_right else 0]:  # oneDNN would read other memory
        raise ValueError(f"{left.shape} and {right.shape} have no product")
    if not rows * columns * inner:  # oneDNN refuses what is empty
        if not add:
            out.zero_()
        return
    with RecordEvent("bf16_product"):  # for profiles; it costs nothing without one
        status = gemm()(
            b"T" if transpose_left else b"N", b"T" if transpose_right else b"N", rows, columns,
            inner, 1.0, left.data_ptr(), left.shape[1], right.data_ptr(), right.shape[1],
            1.0 if add else 0.0, out.data_ptr(), columns,
        )  # fmt: skip
    if status:
        raise RuntimeError(f"oneDNN's product of {left.shape} and {right.shape}: status {status}")
