"""safetensors files, written one tensor at a time."""

import json
import math
import struct
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from infoxlm.checkpoint.file_pages import give_back, lies_in_file
from infoxlm.checkpoint.mapped_tensors import PIECE

#: The types of whole numbers that are written as they are, by NumPy's names; all else is float32.
WHOLE_TYPES = {"int64": "I64"}


class SafetensorsWriter:
    """Writes a safetensors file of float32 tensors without holding them all.

    ``safetensors.numpy.save_file`` wants the whole state dict in memory and copies it; a large
    model is 2.2 GB. The format: a little-endian u64 with the length of the header, the header
    (JSON: type, shape and byte range by name), then the tensors in C order without gaps;
    https://github.com/huggingface/safetensors#format.

    Args:
        path: The file to write.
        shapes: Name to shape, in the order of writing.
        file_format: What to put as ``format`` into the metadata.
        types: The type of tensors of whole numbers, as NumPy calls it, by name.
    """

    def __init__(
        self,
        path: Path,
        shapes: Mapping[str, tuple[int, ...]],
        file_format: str,
        types: Mapping[str, str] | None = None,
    ) -> None:
        self._path = path
        self._shapes = shapes
        self._types = types or {}
        self._waiting = iter(shapes)
        self._header = self._make_header(file_format)

    def _make_header(self, file_format: str) -> bytes:
        header: dict[str, object] = {"__metadata__": {"format": file_format}}
        end = 0
        for name, shape in self._shapes.items():
            kind, size = (
                WHOLE_TYPES.get(self._types.get(name, ""), "F32"),
                self._type(name).itemsize,
            )
            start, end = end, end + size * math.prod(shape)
            header[name] = {"dtype": kind, "shape": shape, "data_offsets": [start, end]}
        text = json.dumps(header, separators=(",", ":")).encode()
        return text + b" " * (-len(text) % 8)  # so that the tensors are aligned

    def _type(self, name: str) -> np.dtype:
        return np.dtype(self._types.get(name, "float32")).newbyteorder("<")

    def __enter__(self) -> Self:
        self._file = self._path.open("xb")
        self._file.write(struct.pack("<Q", len(self._header)) + self._header)
        return self

    def write(self, name: str, values: np.ndarray) -> None:
        """Append the next tensor.

        Raises:
            ValueError: It is not the one that ``shapes`` names next.
        """
        self._expect(name, values)
        self._file.write(np.ascontiguousarray(values, self._type(name)).data)

    def write_mapped(self, name: str, values: np.ndarray) -> None:
        """Append the next tensor, in a file's pages, which are given back as it is read.

        Raises:
            ValueError: As in `write`.
        """
        self._expect(name, values)
        rows = max(1, PIECE // values[0].size)
        for start in range(0, len(values), rows):
            piece = values[start : start + rows]
            self._file.write(np.ascontiguousarray(piece, self._type(name)).data)
            give_back(piece)

    def _expect(self, name: str, values: np.ndarray) -> None:
        """Check that a tensor is the next one.

        Raises:
            ValueError: It is not.
        """
        if name != next(self._waiting, None) or values.shape != self._shapes[name]:
            raise ValueError(f"{name} {values.shape} is not the tensor to write next")

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._file.close()
        if error is None and (name := next(self._waiting, None)) is not None:
            raise ValueError(f"{name} was not written")


def write_tensors(path: Path, tensors: Mapping[str, Any], file_format: str) -> None:
    """Write tensors one after the other, so that memory does not grow by them all.

    Args:
        path: The file to write.
        tensors: Arrays, or Paddle's tensors, by name. Arrays of int64 stay what they are; all else
            becomes float32.
        file_format: What to put as ``format`` into the metadata.

    Raises:
        OSError: The disk is full or the folder cannot be written.
    """
    shapes = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    types = {
        name: tensor.dtype.name
        for name, tensor in tensors.items()
        if isinstance(tensor, np.ndarray) and tensor.dtype.name in WHOLE_TYPES
    }
    with SafetensorsWriter(path, shapes, file_format, types) as writer:
        for name, tensor in tensors.items():
            if lies_in_file(tensor):
                writer.write_mapped(name, float32_array(tensor))
            else:
                writer.write(name, tensor if name in types else float32_array(tensor))


def float32_array(tensor: Any) -> np.ndarray:
    """A tensor as an array: of a CPU's memory without a copy, of which Paddle would make two."""
    if not isinstance(tensor, np.ndarray) and tensor.place.is_cpu_place():
        tensor = np.from_dlpack(tensor.detach())
    return np.asarray(tensor, np.float32)
