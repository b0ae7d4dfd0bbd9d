"""What `bf16.c` has, and narrowing to bfloat16."""

import ctypes
import os
import subprocess
import threading
from functools import cache
from typing import Any

import paddle
from paddle.profiler import RecordEvent

from infoxlm.errors import UserError
from infoxlm.hardware.environment import check_bf16
from infoxlm.model.cpu.bf16.onednn import gemm
from infoxlm.model.cpu.compiled.compiler import BF16_SOURCE, SWITCH, find_compiler, library, load
from infoxlm.model.cpu.compiled.library import call_in

_kept = threading.local()


@cache
def bf16_library() -> ctypes.CDLL:
    """The compiled operations around the products.

    Raises:
        UserError: This machine cannot have them.
    """
    check_bf16()
    gemm()
    remedy = "Set hardware.amp=none."
    if os.environ.get(SWITCH) == "0":
        raise UserError(f"hardware.amp=bf16 with {SWITCH}=0", remedy)
    compiler = find_compiler()
    if compiler is None or library() is None:
        raise UserError("hardware.amp=bf16: no C compiler, which compiles what it needs", remedy)
    try:
        return load(compiler, BF16_SOURCE)
    except (OSError, subprocess.SubprocessError) as error:
        raise UserError(f"hardware.amp=bf16: {BF16_SOURCE.name}: {error}", remedy) from error


def call_bf16(name: str, *arguments: Any) -> None:
    """`call` an operation of `bf16.c`."""
    with RecordEvent(f"bf16_{name}"):
        call_in(bf16_library(), name, *arguments)


def empty(*shape: int) -> paddle.Tensor:
    """A bfloat16 tensor that holds nothing yet."""
    return paddle.empty(shape, "bfloat16")


def narrow(x: paddle.Tensor, bias: paddle.Tensor | None = None, *shape: int) -> paddle.Tensor:
    """Round to bfloat16, to nearest even.

    Args:
        x: float32 ``[rows, width]``, or at least as many numbers of another shape.
        bias: Is added first, ``[width]``.
        shape: ``[rows, width]``, where `x` has another.
    """
    out = empty(*(shape or x.shape))
    rows, width = out.shape
    call_bf16("narrow", rows, width, x, bias, out)
    return out


def scratch(count: int) -> paddle.Tensor:
    """Room for some numbers, float32 ``[count or more]``, that anything may write to next.

    Linux would hand out tens of megabytes page by page, which takes as long as a product.
    """
    room = getattr(_kept, "room", None)
    if room is None or room.size < count:
        room = _kept.room = paddle.empty([count])
    return room
