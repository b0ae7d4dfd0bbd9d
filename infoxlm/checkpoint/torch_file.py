"""Files of `torch.save`, old and new, read without PyTorch and without running code from them."""

import os
import zipfile
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np

from infoxlm.checkpoint.pickle_reader import DamagedPickleError, ForeignCodeError
from infoxlm.checkpoint.torch_pickle import STORAGES, Storage, StoredTensor, TorchPickle
from infoxlm.checkpoint.weights_file import DISTRUST
from infoxlm.errors import UserError
from infoxlm.files.regular_file import check_regular, open_regular

#: The number that files from before PyTorch 1.6 begin with.
MAGIC = 0x1950A86A20F9469CFC6C

#: What precedes the contents of a file in an archive: this many bytes, then name and extra field.
LOCAL_HEADER = 30


class TorchFile:
    """A file of `torch.save`.

    Args:
        path: The file.

    Attributes:
        path: The file.
        content: What was saved; tensors in it are `StoredTensor`, and objects that were not made
            `Inert`.

    Raises:
        UserError: It cannot be read, is damaged, or wants to run code.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._places: dict[str, tuple[int, int]] = {}
        try:
            check_regular(path)
            self.content = self._archive() if zipfile.is_zipfile(path) else self._old_file()
        except ForeignCodeError as error:
            raise UserError(f"{path} wants to run {error}", DISTRUST) from error
        except (DamagedPickleError, zipfile.BadZipFile, KeyError, EOFError) as error:
            raise UserError(f"{path} is damaged: {error}", "Make or fetch it again.") from error
        except OSError as error:
            raise UserError(
                f"{path} cannot be read: {error.strerror or error}", "Make or fetch it again."
            ) from error

    def read(self, tensor: StoredTensor) -> np.ndarray:
        """Read the numbers of a tensor.

        Raises:
            UserError: They are not in the file.
        """
        storage = tensor.storage
        dtype = dtype_of(storage)
        start, size = self._places.get(storage.key, (0, -1))
        if dtype is None or size != storage.size * dtype.itemsize:
            raise UserError(
                f"{self.path} is damaged: it has not {storage.size} numbers of {storage.kind} for "
                f"a tensor of shape {list(tensor.shape)}",
                "Make or fetch it again.",
            )
        if not storage.size:
            return np.zeros(tensor.shape, dtype)
        numbers = np.memmap(self.path, dtype, "r", start, (storage.size,))
        strides = [step * dtype.itemsize for step in tensor.strides]
        return np.lib.stride_tricks.as_strided(numbers[tensor.start :], tensor.shape, strides)

    def _archive(self) -> Any:
        """An archive of one pickle, and a file of numbers for each storage."""
        with open_regular(self.path) as file, zipfile.ZipFile(file) as archive:
            described = next((x for x in archive.namelist() if x.endswith("/data.pkl")), "data.pkl")
            folder = described.removesuffix("data.pkl")
            order = f"{folder}byteorder"
            if order in archive.namelist() and archive.read(order) != b"little":
                raise DamagedPickleError("its numbers are not little-endian")
            total = os.fstat(file.fileno()).st_size
            for entry in archive.infolist():
                if entry.compress_type != zipfile.ZIP_STORED:
                    raise DamagedPickleError(f"{entry.filename} is compressed")
                if entry.filename.startswith(f"{folder}data/"):
                    file.seek(entry.header_offset + LOCAL_HEADER - 4)
                    name, extra = np.frombuffer(file.read(4), "<u2").tolist()
                    start = entry.header_offset + LOCAL_HEADER + name + extra
                    if start + entry.file_size > total:
                        raise DamagedPickleError("it is cut short")
                    key = entry.filename.removeprefix(f"{folder}data/")
                    self._places[key] = start, entry.file_size
            size = archive.getinfo(described).file_size
            with archive.open(described) as pickled:
                return TorchPickle(pickled, size).result()  # type: ignore[arg-type]

    def _old_file(self) -> Any:
        """Five pickles, the fourth of which is what was saved, and the storages behind them."""
        with open_regular(self.path) as file:
            size = os.fstat(file.fileno()).st_size

            def unpickle() -> Any:
                return TorchPickle(file, size - file.tell()).result()

            if unpickle() != MAGIC:
                raise DamagedPickleError("it was not written by torch.save")
            unpickle(), unpickle()  # the protocol, and what kind of machine wrote it
            pickle = TorchPickle(file, size - file.tell())
            content = pickle.result()
            for key in unpickle():
                count = int.from_bytes(file.read(8), "little")
                storage = pickle.storages.get(key)
                dtype = None if storage is None else dtype_of(storage)
                if dtype is None or count * dtype.itemsize > size - file.tell():
                    raise DamagedPickleError("it is cut short, or holds numbers of no known type")
                self._places[key] = (file.tell(), count * dtype.itemsize)
                file.seek(count * dtype.itemsize, os.SEEK_CUR)
            return content


def dtype_of(storage: Storage) -> np.dtype | None:
    """NumPy's type of a storage's numbers; None: it is none that is read."""
    if storage.kind not in STORAGES.values():
        return None
    kind = ml_dtypes.bfloat16 if storage.kind == "bfloat16" else storage.kind
    return np.dtype(kind)
