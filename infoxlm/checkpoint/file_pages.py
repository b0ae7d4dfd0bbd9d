"""Tensors that lie in the pages of a file: which they are, and giving the pages back."""

import ctypes
import mmap
import sys
from pathlib import Path
from typing import Any

import numpy as np

#: The attribute by which Paddle's tensors say that they lie in the pages of a file.
MAPPED = "lies_in_a_file"

#: Linux's number for `madvise`: pages that were not written to are dropped, and read again when
#: they are wanted. Those that were written to would go to swap, where there is some.
PAGEOUT = 21

SWAPS = Path("/proc/swaps")


def lies_in_file(tensor: Any) -> bool:
    """Tell whether a tensor lies in the pages of a file."""
    return bool(getattr(tensor, MAPPED, False))


def give_back_pages(tensor: Any) -> None:
    """Give the pages of one of Paddle's tensors back, where it lies in a file (`give_back`)."""
    if lies_in_file(tensor):
        give_back(np.from_dlpack(tensor.detach()))


def give_back(values: np.ndarray) -> None:
    """Give the pages of an array in a file's pages back, until they are wanted again.

    Those that were written to stay. Where the system cannot, or has swap, all stay.
    """
    if sys.platform != "linux" or has_swap():
        return
    address, size = values.ctypes.data, values.nbytes
    start = -(-address // mmap.PAGESIZE) * mmap.PAGESIZE  # whole pages, of this array alone
    if (whole := (address + size - start) // mmap.PAGESIZE * mmap.PAGESIZE) > 0:
        madvise = getattr(ctypes.CDLL(None), "madvise", None)
        if madvise is not None:
            madvise(ctypes.c_void_p(start), ctypes.c_size_t(whole), PAGEOUT)


def has_swap(swaps: Path = SWAPS) -> bool:
    """Tell whether this machine has swap; so it is taken where Linux does not say.

    Args:
        swaps: Where Linux lists it, behind a line of headings.
    """
    try:
        return len(swaps.read_text(encoding="utf-8").splitlines()) > 1
    except OSError:
        return True
