"""Arrays in `.npy` files that are written piece by piece, and mapped from disk."""

import math
import mmap
import os
from collections.abc import Iterator
from itertools import repeat
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

#: Elements of a mapped array that are in memory at a time.
CHUNK = 1 << 16


class ArrayWriter:
    """A `.npy` file that grows along its first axis; nothing but the piece at hand is in memory.

    Args:
        path: The file.
        dtype: The type of the elements.
        width: The length of the second axis; None where there is none.
    """

    def __init__(self, path: Path, dtype: type[np.generic], width: int | None = None) -> None:
        self._file = open(path, "wb")  # noqa: SIM115 (closed by __exit__)
        self._dtype = np.dtype(dtype)
        self._width = width
        self.length = 0
        self._write_header()
        self._begin = self._file.tell()

    def write(self, values: np.ndarray) -> None:
        """Append values."""
        self._file.write(np.ascontiguousarray(values, self._dtype).data)
        self.length += len(values)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._file:
            if error is None:
                self._file.seek(0)
                self._write_header()
                assert self._file.tell() == self._begin

    def _write_header(self) -> None:
        # NumPy pads headers so that they keep their size while the first axis grows.
        shape = (self.length,) if self._width is None else (self.length, self._width)
        header = {"descr": self._dtype.str, "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(self._file, header)


class MappedArray:
    """A `.npy` file mapped from disk, whose pages can leave memory again.

    Args:
        path: The file.

    Attributes:
        values: The array, read-only.

    Raises:
        ValueError: It is no `.npy` file; `OSError` where it cannot be read.
    """

    def __init__(self, path: Path) -> None:
        mapped = np.load(path, mmap_mode="r")
        self._map: mmap.mmap = mapped._mmap
        self._file = open(path, "rb")  # noqa: SIM115 (closed with the array)
        self._begin = mapped.offset
        self.values: np.ndarray = np.asarray(mapped)

    def take(self, starts: np.ndarray, lengths: np.ndarray | int) -> np.ndarray:
        """Read some ranges of the first axis, put end to end; nothing is mapped.

        To touch a mapped element at a random place maps up to a megabyte around it (Linux 6.18 on
        ext4), which counts as this process' memory. To read it copies just what is asked for.

        Args:
            starts: Where ranges begin, int64 ``[n]``.
            lengths: Their lengths, one for all or int64 ``[n]``.
        """
        shape = self.values.shape[1:]
        size = self.values.itemsize * math.prod(shape)
        places = (self._begin + size * starts).tolist()
        counts = (size * np.broadcast_to(lengths, starts.shape)).tolist()
        file = self._file.fileno()
        read = b"".join(map(os.pread, repeat(file), counts, places))
        return np.frombuffer(read, self.values.dtype).reshape(-1, *shape)

    def chunks(self, step: int = 1) -> Iterator[np.ndarray]:
        """Yield copies of some elements after the other; pages that were read leave memory.

        Args:
            step: Chunks have a multiple of so many elements.
        """
        size = CHUNK - CHUNK % step
        for start in range(0, len(self.values), size):
            yield self.values[start : start + size].copy()
            self.release()

    def release(self) -> None:
        """Take the mapped pages out of the process; they are read again when needed."""
        self._map.madvise(mmap.MADV_DONTNEED)
