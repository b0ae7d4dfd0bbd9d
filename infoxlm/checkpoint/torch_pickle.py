"""The pickle inside PyTorch's files: tensors are described by it, everything else stays inert.

A training checkpoint pickles more than tensors: the arguments of the command, the state of the
optimizer, objects of the program that wrote it. None of it is made here. What such files name
becomes a stand-in that remembers its arguments and does nothing; other names are refused.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from infoxlm.checkpoint.pickle_reader import DamagedPickleError, ForeignCodeError, PickleReader

#: The types of numbers by the names of PyTorch's storages; others are never read.
STORAGES = {
    "FloatStorage": "float32",
    "HalfStorage": "float16",
    "BFloat16Storage": "bfloat16",
    "DoubleStorage": "float64",
    "LongStorage": "int64",
    "IntStorage": "int32",
    "ShortStorage": "int16",
    "CharStorage": "int8",
    "ByteStorage": "uint8",
    "BoolStorage": "bool",
}

#: Packages whose names stay inert: those that training checkpoints of fairseq hold objects of.
INERT = {"argparse", "collections", "enum", "fairseq", "numpy", "omegaconf", "pathlib", "torch",
         "typing"}  # fmt: skip
INERT_NAMES = {
    ("_codecs", "encode"),
    *((module, name) for module in ("builtins", "__builtin__")
      for name in ("bool", "bytes", "dict", "float", "int", "list", "object", "set", "str")),
}  # fmt: skip


@dataclass(frozen=True)
class Storage:
    """A run of numbers that lies elsewhere in the file.

    Attributes:
        key: Its name.
        kind: The type of its numbers, as NumPy and ml_dtypes call it.
        size: How many there are.
    """

    key: str
    kind: str
    size: int


@dataclass(frozen=True)
class StoredTensor:
    """A tensor as the pickle describes it.

    Attributes:
        storage: The numbers.
        start: The number that it begins with.
        shape: Its shape.
        strides: Numbers from one element to the next, along each axis.
    """

    storage: Storage
    start: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


@dataclass
class Inert:
    """An object that was not made.

    Attributes:
        name: The name of its class or function.
        arguments: What it would have been made of.
        state: What it would have been given afterwards.
    """

    name: str
    arguments: tuple[Any, ...] = ()
    state: Any = field(default=None, repr=False)


@dataclass(frozen=True)
class _Name:
    """A name that is not looked up."""

    module: str
    name: str


class TorchPickle(PickleReader):
    """One pickle of a file of PyTorch's.

    Args:
        file: At its beginning.
        size: Bytes from there to the end.

    Attributes:
        storages: The storages that it names.
    """

    def __init__(self, file: BinaryIO, size: int) -> None:
        known: dict[tuple[str, str], Callable[..., Any]] = {
            ("torch._utils", "_rebuild_tensor_v2"): _tensor,
            ("torch._utils", "_rebuild_parameter"): lambda tensor, *_: tensor,
            ("collections", "OrderedDict"): lambda *_: {},
        }
        super().__init__(file, size, known)
        self.storages: dict[str, Storage] = {}
        self._acts |= {b"Q": self._persistent, b"\x81": self._call}

    def _name(self, module: str, name: str) -> None:
        inert = module.split(".")[0] in INERT or (module, name) in INERT_NAMES
        if inert and (module, name) not in self._callables:
            self._push(_Name(module, name))
        else:
            super()._name(module, name)

    def _call(self) -> None:
        arguments, function = self._pop(), self._pop()
        if isinstance(function, _Name) and isinstance(arguments, tuple):
            self._push(Inert(f"{function.module}.{function.name}", arguments))
        elif isinstance(function, Inert):
            raise ForeignCodeError(f"what {function.name} gives")
        else:
            self._stack += [function, arguments]
            super()._call()

    def _build(self) -> None:
        state, target = self._pop(), self._pop()
        if isinstance(target, Inert):
            target.state = state
        elif not isinstance(target, dict | StoredTensor):  # which have attributes at most
            raise DamagedPickleError("a state of something that has none")
        self._push(target)

    def _persistent(self) -> None:
        """Replace the description of a storage on the stack by the storage."""
        parts = self._pop()
        if not isinstance(parts, tuple) or len(parts) < 5 or parts[0] != "storage":
            raise DamagedPickleError("a reference to something else than numbers")
        kind, key, size = parts[1], parts[2], parts[4]
        if not (
            isinstance(kind, _Name) and isinstance(key, str) and type(size) is int and size >= 0
        ):
            raise DamagedPickleError("a reference to numbers without a type, a name or a size")
        if parts[5:] not in ((), (None,)):
            raise DamagedPickleError("numbers that are a view of others")
        self.storages[key] = Storage(key, STORAGES.get(kind.name, kind.name), size)
        self._push(self.storages[key])


def _tensor(storage: Any, start: Any, shape: Any, strides: Any, *_: Any) -> StoredTensor:
    """The tensor that PyTorch would have made; its elements must lie within the storage."""
    whole = all(
        isinstance(sizes, tuple) and all(type(size) is int and size >= 0 for size in sizes)
        for sizes in (shape, strides, (start,))
    )
    if not (isinstance(storage, Storage) and whole and len(shape) == len(strides)):
        raise DamagedPickleError("a tensor without numbers, a shape or strides")
    elements = math.prod(shape)
    last = start + sum((size - 1) * step for size, step in zip(shape, strides, strict=True))
    if elements and (last >= storage.size or elements > storage.size):
        raise DamagedPickleError(f"a tensor of shape {list(shape)} that lies outside its numbers")
    return StoredTensor(storage, start, shape, strides)
