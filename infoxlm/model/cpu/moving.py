"""A parameter that follows another one, in one pass over both."""

import paddle

from infoxlm.model.cpu.arrays import is_cpu_fp32
from infoxlm.model.cpu.compiled.compiler import library
from infoxlm.model.cpu.compiled.library import call


@paddle.no_grad()
def move_towards(copy: paddle.Tensor, source: paddle.Tensor, share: float) -> None:
    """Move a parameter a share of the way to another one, ``copy += (source - copy) * share``.

    Args:
        copy: Any shape.
        source: Of the same shape.
        share: From 0 to 1.
    """
    if is_cpu_fp32(copy) and library() is not None:
        call("move_towards", copy.size, copy, source, float(share))
    else:
        copy.add_((source - copy).scale_(share))
