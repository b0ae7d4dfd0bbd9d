"""A safetensors file whose pages are given back after each tensor."""

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ml_dtypes  # noqa: F401  (NumPy learns bfloat16 by this import, and safetensors asks NumPy)
import numpy as np
from safetensors import SafetensorError, safe_open

from infoxlm.errors import UserError
from infoxlm.files.regular_file import check_regular

#: Values that are read at once: 64 MB of float32.
PIECE = 1 << 24


class MappedTensors:
    """The tensors of a safetensors file, read one by one.

    The library maps the file into memory, and the pages that were read count as this process's
    until the file is closed: it would seem to hold a large model twice, and be killed for it where
    memory is limited. So the file is opened again for each piece of a tensor, which takes less
    than a millisecond.

    Args:
        path: The file.

    Raises:
        safetensors.SafetensorError: It is damaged or cut short.
        OSError: It cannot be read.
    """

    def __init__(self, path: Path) -> None:
        check_regular(path)
        self._path = path
        with self._open() as file:
            self._names = list(file.keys())
            self.metadata: dict[str, str] = file.metadata() or {}

    def _open(self) -> Any:
        return safe_open(self._path, framework="np")

    def keys(self) -> list[str]:
        """The tensors' names."""
        return self._names

    def get_tensor(self, name: str) -> np.ndarray:
        """Read a tensor into memory of its own."""
        with self._open() as file:
            shape = file.get_slice(name).get_shape()
            if math.prod(shape) <= PIECE:
                return file.get_tensor(name)
        values, filled = np.empty(shape, self._rows(name, 0, 1).dtype), 0
        for piece in self.pieces(name):
            values[filled : filled + len(piece)] = piece
            filled += len(piece)
        return values

    def _rows(self, name: str, start: int, stop: int) -> np.ndarray:
        with self._open() as file:
            return file.get_slice(name)[start:stop]

    def pieces(self, name: str) -> Iterator[np.ndarray]:
        """Read a large tensor some rows at a time."""
        with self._open() as file:
            shape = file.get_slice(name).get_shape()
        rows = max(1, PIECE // math.prod(shape[1:]))
        for start in range(0, shape[0], rows):
            yield self._rows(name, start, min(start + rows, shape[0]))

    def map(self, name: str) -> np.ndarray | None:
        """A large float32 tensor in the pages of its file; None where it is another one.

        A page is read when it is wanted, and copied when it is written to, which does not change
        the file. Whoever writes into the file meanwhile changes the tensor, or ends this process by
        making it shorter; a new file of its name does no harm.
        """
        with open(self._path, "rb") as file:
            length = int.from_bytes(file.read(8), "little")
            described = json.loads(file.read(length))[name]
        shape, start = tuple(described["shape"]), 8 + length + described["data_offsets"][0]
        # Nothing in the format makes numbers begin where a processor wants them.
        if described["dtype"] != "F32" or math.prod(shape) <= PIECE or start % 4:
            return None
        return np.memmap(self._path, "<f4", "c", start, shape)

    def get_slice(self, name: str) -> Any:
        """A tensor's slice; ``get_dtype()`` and ``get_shape()`` read the header alone."""
        with self._open() as file:
            return file.get_slice(name)


def checkpoint_tensors(path: Path) -> Iterator[tuple[str, np.ndarray]]:
    """Read the tensors of a file in a checkpoint, with their names, one by one.

    Raises:
        UserError: The file is missing or damaged.
    """
    try:
        tensors = MappedTensors(path)
        for name in tensors.keys():  # noqa: SIM118 (no dictionary)
            yield name, tensors.get_tensor(name)
    except (SafetensorError, OSError) as error:
        raise UserError(f"{path} cannot be read: {error}", "Use another checkpoint.") from error
