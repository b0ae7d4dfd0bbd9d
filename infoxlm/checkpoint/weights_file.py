"""The weights of a model folder, read without running code and written whole."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

import ml_dtypes
import numpy as np
from safetensors import SafetensorError

from infoxlm.checkpoint.pickle_reader import DamagedPickleError, ForeignCodeError
from infoxlm.checkpoint.pickled_arrays import OtherContentError, read_pickled_arrays
from infoxlm.checkpoint.safetensors_writer import write_tensors
from infoxlm.checkpoint.sharded_weights import (
    INDEX_SUFFIX,
    find_safetensors,
    open_safetensors,
    read_index,
)
from infoxlm.checkpoint.tensor_names import canonical_name
from infoxlm.errors import UserError
from infoxlm.files.atomic import atomic_file

SAFETENSORS = "model.safetensors"
PYTORCH_PICKLE = "pytorch_model.bin"
PDPARAMS = "model_state.pdparams"
CONVERT = "Run `infoxlm convert source={folder} target=NEW_FOLDER` and give the new folder."
DISTRUST = "Do not use this file: tensors need no code. Take the weights from somebody you trust."

#: Types that float32 holds exactly, in NumPy's words and in safetensors'.
FLOAT_TYPES = ("float32", "float16", "bfloat16")
SAFETENSORS_TYPES = {"F32": "float32", "F16": "float16", "BF16": "bfloat16"}


class _Tensors(Protocol):
    def keys(self) -> Any: ...

    def get_tensor(self, name: str) -> np.ndarray: ...

    def get_slice(self, name: str) -> Any: ...

    def map(self, name: str) -> np.ndarray | None: ...

    def pieces(self, name: str) -> Iterator[np.ndarray]: ...


class _StateDict(dict[str, np.ndarray]):
    """A state dict with safetensors' ways of asking for a tensor."""

    def get_tensor(self, name: str) -> np.ndarray:
        array = self[name]
        # Paddle pickles bfloat16 as the sixteen bits it is, which NumPy takes for integers.
        return array.view(ml_dtypes.bfloat16) if array.dtype == np.uint16 else array

    def get_slice(self, name: str) -> "_Described":
        return _Described(self.get_tensor(name))

    def map(self, name: str) -> None:
        """None: a pickle's tensors are in memory already."""

    def pieces(self, name: str) -> Iterator[np.ndarray]:
        yield self.get_tensor(name)


class _Described:
    """A tensor's type and shape, as a slice of safetensors gives them."""

    def __init__(self, array: np.ndarray) -> None:
        self._array = array

    def get_dtype(self) -> str:
        return self._array.dtype.name

    def get_shape(self) -> list[int]:
        return list(self._array.shape)


class WeightsFile:
    """The tensors of one model folder, read one by one.

    Args:
        path: The file, for messages.
        tensors: What is in it.
    """

    def __init__(self, path: Path, tensors: _Tensors) -> None:
        self.path = path
        self._tensors = tensors
        self.names = frozenset(tensors.keys())

    @classmethod
    def find(cls, folder: Path) -> "WeightsFile":
        """Open the weights in Paddle's layout that lie in a folder.

        Raises:
            UserError: None are there, they are damaged, or they are PyTorch's, whose linear
                layers are transposed.
        """
        if path := find_safetensors(folder):
            if safetensors_format(path) != "np":
                raise UserError(f"{path} holds PyTorch weights", CONVERT.format(folder=folder))
            return cls(path, open_safetensors(path))
        if (path := folder / PDPARAMS).is_file():
            return cls(path, _read_pdparams(path))
        if pytorch_pickle(folder):
            raise UserError(f"{folder} holds PyTorch weights", CONVERT.format(folder=folder))
        if (path := folder / f"{PDPARAMS}{INDEX_SUFFIX}").is_file():
            raise UserError(
                f"{folder} holds its weights in several pickles ({path.name})",
                "Save it again in safetensors, with PaddleNLP's "
                "save_pretrained(..., safe_serialization=True).",
            )
        raise UserError(
            f"{folder} has neither {SAFETENSORS} nor {PDPARAMS}",
            "Give a folder written by `infoxlm convert` or `infoxlm train`.",
        )

    def has_part(self, part: str) -> bool:
        """Tell whether any tensor belongs to a part of the model, such as ``classifier``."""
        return any(canonical_name(name).startswith(f"{part}.") for name in self.names)

    def check(self, name: str, shape: tuple[int, ...]) -> None:
        """Check a tensor without reading its values.

        Raises:
            UserError: Its type or shape is not the expected one.
        """
        tensor = self._tensors.get_slice(name)
        kind = tensor.get_dtype()
        check_tensor(
            SAFETENSORS_TYPES.get(kind, kind), tuple(tensor.get_shape()), shape, self.path, name
        )

    def read(self, name: str, shape: tuple[int, ...]) -> np.ndarray:
        """Read a tensor as float32.

        Raises:
            UserError: Its type or shape is not the expected one, or it holds infinities or NaN.
        """
        return as_float32(self._tensors.get_tensor(name), shape, self.path, name)

    def map(self, name: str, shape: tuple[int, ...]) -> np.ndarray | None:
        """A large float32 tensor in the pages of its file, copied where it is written to.

        Returns:
            None where it is small, or of another type or form of file: then `read` it.

        Raises:
            UserError: As in `read`.
        """
        self.check(name, shape)
        mapped = self._tensors.map(name)
        if mapped is not None:
            for piece in self._tensors.pieces(name):
                check_finite(piece, self.path, name)
        return mapped


def _read_pdparams(path: Path) -> _StateDict:
    """Read a ``model_state.pdparams``; nothing but arrays is made of it.

    Raises:
        UserError: It wants to run code, is damaged, or holds something else.
    """
    try:
        return _StateDict(read_pickled_arrays(path))
    except ForeignCodeError as error:
        raise UserError(f"{path} wants to run {error}", DISTRUST) from error
    except DamagedPickleError as error:
        raise UserError(f"{path} is damaged: {error}", "Make or fetch it again.") from error
    except OtherContentError as error:
        raise UserError(
            f"{path} holds {error}", "Save the model's state_dict() alone, with paddle.save."
        ) from error
    except OSError as error:
        raise UserError(
            f"{path} cannot be read: {error.strerror or error}", "Make or fetch it again."
        ) from error


def as_float32(values: np.ndarray, shape: tuple[int, ...], path: Path, name: str) -> np.ndarray:
    """Check a tensor that was just read, and widen it.

    Raises:
        UserError: Its type or shape is not the expected one, or it holds infinities or NaN.
    """
    check_tensor(values.dtype.name, values.shape, shape, path, name)
    values = values.astype(np.float32, copy=False)
    check_finite(values, path, name)
    return values


def check_finite(values: np.ndarray, path: Path, name: str) -> None:
    """Check that a tensor, or a part of it, is of numbers.

    Raises:
        UserError: It is not.
    """
    if not np.isfinite(values).all():
        raise UserError(f"{path}: {name} holds infinities or NaN", "Fetch or save it again.")


def check_tensor(
    kind: str, found: tuple[int, ...], shape: tuple[int, ...], path: Path, name: str
) -> None:
    """Check what a file tells of a tensor.

    Raises:
        UserError: Its type or shape is not the expected one.
    """
    if kind not in FLOAT_TYPES:
        raise wrong_type(path, name, kind)
    if found != shape:
        raise UserError(
            f"{path}: {name} has shape {list(found)}, config.json asks for {list(shape)}",
            "Give weights and a config.json that belong together.",
        )


def wrong_type(path: Path, name: str, kind: str) -> UserError:
    """The error for a tensor that is not of floating-point numbers."""
    return UserError(
        f"{path}: {name} is of type {kind}",
        f"Give weights in {', '.join(FLOAT_TYPES)}; quantised and sparse ones cannot be read.",
    )


def safetensors_format(path: Path) -> str:
    """The layout that a safetensors file names: ``np`` is Paddle's, ``pt`` PyTorch's.

    PaddleNLP always writes which; what does not say so is taken for PyTorch's.

    Args:
        path: The file, or the index of several.

    Raises:
        UserError: The file is damaged.
    """
    try:
        return open_safetensors(path).metadata.get("format", "pt")
    except (SafetensorError, OSError) as error:
        raise UserError(f"{path} is damaged: {error}", "Make or fetch it again.") from error


def pytorch_pickle(folder: Path) -> Path | None:
    """The ``pytorch_model.bin`` of a folder, else the index of several; None without either."""
    candidates = (folder / PYTORCH_PICKLE, folder / f"{PYTORCH_PICKLE}{INDEX_SUFFIX}")
    return next((path for path in candidates if path.is_file()), None)


def weight_files(folder: Path) -> list[Path]:
    """The files that hold the weights of a Paddle model folder."""
    path = find_safetensors(folder)
    if path is not None and path.name.endswith(INDEX_SUFFIX):
        return sorted(set(read_index(path).values()))
    return [path for path in (folder / SAFETENSORS, folder / PDPARAMS) if path.is_file()]


def write_weights(folder: Path, state: Mapping[str, Any]) -> Path:
    """Write a state dict in Paddle's layout as ``model.safetensors``, whole or not at all.

    Raises:
        OSError: The disk is full or the folder cannot be written.
    """
    path = folder / SAFETENSORS
    # "np" is how PaddleNLP marks its layout; transformers refuses it, so that nobody loads
    # transposed matrices by mistake.
    with atomic_file(path) as temporary:
        write_tensors(temporary, state, "np")
    return path
