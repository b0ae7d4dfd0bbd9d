"""What `bf16.c` has, by name."""

import ctypes
import os
import subprocess
from functools import cache
from typing import Any

from paddle.profiler import RecordEvent

from infoxlm.errors import UserError
from infoxlm.hardware.environment import check_bf16
from infoxlm.model.cpu.bf16.onednn import gemm
from infoxlm.model.cpu.compiled.compiler import BF16_SOURCE, SWITCH, find_compiler, library, load
from infoxlm.model.cpu.compiled.library import call_in


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
    if compiler is None:
        raise UserError(
            "hardware.amp=bf16: there is no C compiler (cc, or what CC names), which it needs",
            f"Install one, or s{remedy[1:]}",
        )
    if library() is None:  # the log has said why
        raise UserError("hardware.amp=bf16: kernels.c cannot be compiled or loaded", remedy)
    try:
        return load(compiler, BF16_SOURCE)
    except (OSError, subprocess.SubprocessError) as error:
        raise UserError(f"hardware.amp=bf16: {BF16_SOURCE.name}: {error}", remedy) from error


def call_bf16(name: str, *arguments: Any) -> None:
    """`call` an operation of `bf16.c`."""
    with RecordEvent(f"bf16_{name}"):
        call_in(bf16_library(), name, *arguments)
