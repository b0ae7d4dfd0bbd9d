"""The arrays of a pickled state dict, each accounted for by the bytes of the file.

Nothing of NumPy's is called by the file: a type is one of plain numbers or none, and an array is
made when its shape and type are found to need every byte that the file gives it.
"""

import codecs
import io
import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from infoxlm.checkpoint.pickle_reader import (
    LONGEST_NAME,
    DamagedPickleError,
    PickleReader,
    StandIn,
    Utf8,
)
from infoxlm.files.regular_file import open_regular

#: Dimensions of an array.
MOST_DIMENSIONS = 8

#: Types of arrays, in the words of NumPy's pickles. bfloat16 comes as the integers of its bits.
PLAIN_TYPES = {"b1", *(f"{kind}{size}" for kind in "iu" for size in (1, 2, 4, 8)), "f2", "f4", "f8"}

#: What follows the order of bytes in the state of a plain type: no structure, no metadata.
PLAIN_STATE = (None, None, None, -1, -1, 0)


class OtherContentError(Exception):
    """A whole pickle of something else than arrays by name."""


def read_pickled_arrays(path: Path) -> dict[str, np.ndarray]:
    """Read the arrays of a state dict; Paddle's table of names and the like are left out.

    Args:
        path: A file of `paddle.save` or of pickle's protocols 2 to 4.

    Raises:
        ForeignCodeError: It wants to call something.
        DamagedPickleError: It is cut short, or no dictionary of arrays.
        OtherContentError: It is a pickle of something else.
        OSError: It cannot be read.
    """
    with open_regular(path) as file:
        size = os.fstat(file.fileno()).st_size
        callables: dict[tuple[str, str], Callable[..., Any]] = {
            ("numpy.core.multiarray", "_reconstruct"): _Array,
            ("numpy._core.multiarray", "_reconstruct"): _Array,
            ("numpy", "ndarray"): _Array,
            ("numpy", "dtype"): _Type,
            ("_codecs", "encode"): _Latin1(size),
            ("__builtin__", "bytes"): _no_bytes,  # how protocol 2 writes none
            ("collections", "OrderedDict"): _empty_dict,
        }
        state = PickleReader(file, size, callables).result()
    if not isinstance(state, dict) or not all(isinstance(name, str) for name in state):
        raise OtherContentError("something else than arrays by name")
    return {name: x.made() for name, x in state.items() if isinstance(x, _Array)}


class _Type(StandIn):
    """A type of NumPy's, as the file describes it."""

    def __init__(self, code: object, *flags: object) -> None:
        self._code = code
        self._state: tuple[Any, ...] = ()

    def build(self, state: tuple[Any, ...]) -> None:
        self._state = state

    def made(self) -> np.dtype:
        """NumPy's own type, if it is one of plain numbers; the file adds the order of bytes."""
        if not isinstance(self._code, str) or self._code not in PLAIN_TYPES:
            raise DamagedPickleError("an array of something else than plain numbers")
        if self._state and (self._state[0] != 3 or self._state[2:] != PLAIN_STATE):
            raise DamagedPickleError("a type with a structure of its own")
        order = self._state[1] if self._state else "="
        if order not in ("<", ">", "|", "="):
            raise DamagedPickleError("a type in an unknown order of bytes")
        return np.dtype(f"{order}{self._code}")


class _Array(StandIn):
    """An array, which has no contents before it is built."""

    def __init__(self, *empty: object) -> None:
        self._values: np.ndarray | None = None

    def build(self, state: tuple[Any, ...]) -> None:
        if len(state) != 5:
            raise DamagedPickleError("an array without a shape, a type and contents")
        _, shape, kind, fortran, contents = state
        if not (
            isinstance(shape, tuple)
            and len(shape) <= MOST_DIMENSIONS
            and all(type(size) is int and size >= 0 for size in shape)
        ):
            raise DamagedPickleError("an array's shape that is none")
        if not isinstance(kind, _Type):
            raise DamagedPickleError("an array whose type is none")
        dtype = kind.made()
        if not isinstance(contents, bytes) or math.prod(shape) * dtype.itemsize != len(contents):
            raise DamagedPickleError(
                f"an array of shape {list(shape)} and type {dtype} with other contents"
            )
        try:
            self._values = np.ndarray(shape, dtype, contents, order="F" if fortran else "C")
        except (ValueError, OverflowError) as error:  # of no values, and of an impossible size
            raise DamagedPickleError(f"an array of shape {list(shape)}") from error

    def made(self) -> np.ndarray:
        """The array itself."""
        if self._values is None:
            raise DamagedPickleError("an array without contents")
        return self._values


class _Latin1:
    """Turns a text into bytes, which protocol 2 writes as the characters 0 to 255.

    Args:
        size: The file's. A text that is used again and again would become more than it held.
    """

    def __init__(self, size: int) -> None:
        self._left = size

    def __call__(self, text: object, encoding: object) -> bytes:
        if not isinstance(text, str | Utf8) or encoding != "latin1":
            raise DamagedPickleError("bytes written in an unknown way")
        content = text.encode() if isinstance(text, str) else text
        self._left -= len(content)
        if self._left < 0:
            raise DamagedPickleError("bytes that are used more than once")
        parts = (content[at : at + LONGEST_NAME] for at in range(0, len(content), LONGEST_NAME))
        encoded = io.BytesIO()
        try:
            for part in codecs.iterdecode(parts, "utf-8"):
                encoded.write(part.encode("latin1"))
        except UnicodeError as error:
            raise DamagedPickleError("a text that holds no bytes") from error
        return encoded.getvalue()


def _empty_dict() -> dict[Any, Any]:
    return {}


def _no_bytes() -> bytes:
    return b""
