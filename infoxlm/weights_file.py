"""The weights of a model folder, read without running code and written whole."""

import io
import json
import pickle
from pathlib import Path
from typing import Any, Protocol

import ml_dtypes  # also lets NumPy, and through it safetensors, know bfloat16
import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from infoxlm.atomic import atomic_path
from infoxlm.errors import UserError

SAFETENSORS = "model.safetensors"
PYTORCH_PICKLE = "pytorch_model.bin"
PDPARAMS = "model_state.pdparams"
CONVERT = "Run `infoxlm convert source={folder} target=NEW_FOLDER` and give the new folder."

#: Types that float32 holds exactly.
FLOAT_TYPES = ("float32", "float16", "bfloat16")

#: All that a pickle of a Paddle state dict needs; anything else in it is refused.
PICKLE_GLOBALS = {
    ("numpy.core.multiarray", "_reconstruct"),
    ("numpy._core.multiarray", "_reconstruct"),
    ("numpy", "ndarray"),
    ("numpy", "dtype"),
    ("_codecs", "encode"),
    ("collections", "OrderedDict"),
}


class _Tensors(Protocol):
    def keys(self) -> Any: ...

    def get_tensor(self, name: str) -> np.ndarray: ...


class _StateDict(dict[str, np.ndarray]):
    """A state dict with safetensors' way of asking for a tensor."""

    def get_tensor(self, name: str) -> np.ndarray:
        array = self[name]
        # Paddle pickles bfloat16 as the sixteen bits it is, which NumPy takes for integers.
        return array.view(ml_dtypes.bfloat16) if array.dtype == np.uint16 else array


class _ArrayUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in PICKLE_GLOBALS:
            raise pickle.UnpicklingError(f"it wants to run {module}.{name}")
        return super().find_class(module, name)


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
        if (path := folder / SAFETENSORS).is_file():
            if safetensors_format(path) != "np":
                raise UserError(f"{path} holds PyTorch weights", CONVERT.format(folder=folder))
            return cls(path, safe_open(path, framework="np"))
        if (path := folder / PDPARAMS).is_file():
            try:
                state = _ArrayUnpickler(io.BytesIO(path.read_bytes())).load()
                arrays = {k: v for k, v in state.items() if isinstance(v, np.ndarray)}
            except Exception as error:
                raise UserError(f"{path} is not a Paddle state dict: {error}",
                                "Make or fetch it again.") from error  # fmt: skip
            return cls(path, _StateDict(arrays))
        if (path := folder / PYTORCH_PICKLE).is_file():
            raise UserError(f"{folder} holds PyTorch weights", CONVERT.format(folder=folder))
        raise UserError(
            f"{folder} has neither {SAFETENSORS} nor {PDPARAMS}",
            "Give a folder written by `infoxlm convert` or `infoxlm train`.",
        )

    def find_name(self, name: str, prefix: str) -> str | None:
        """The stored name of a parameter, with or without the encoder's prefix, or None."""
        for candidate in (name, prefix + name, name.removeprefix(prefix)):
            if candidate in self.names:
                return candidate
        return None

    def has_part(self, part: str) -> bool:
        """Whether any tensor belongs to a part of the model, such as ``classifier``."""
        return any(name.startswith(f"{part}.") for name in self.names)

    def read(self, name: str, shape: tuple[int, ...]) -> np.ndarray:
        """Read a tensor as float32.

        Raises:
            UserError: Its type or shape is not the expected one, or it holds infinities or NaN.
        """
        return as_float32(self._tensors.get_tensor(name), shape, self.path, name)


def as_float32(values: np.ndarray, shape: tuple[int, ...], path: Path, name: str) -> np.ndarray:
    """Check a tensor that was just read, and widen it.

    Raises:
        UserError: Its type or shape is not the expected one, or it holds infinities or NaN.
    """
    if values.dtype.name not in FLOAT_TYPES:
        raise UserError(
            f"{path}: {name} is of type {values.dtype.name}",
            f"Give weights in {', '.join(FLOAT_TYPES)}; quantised ones are not converted.",
        )
    if values.shape != shape:
        raise UserError(
            f"{path}: {name} has shape {list(values.shape)}, config.json asks for {list(shape)}",
            "Give weights and a config.json that belong together.",
        )
    values = values.astype(np.float32, copy=False)
    if not np.isfinite(values).all():
        raise UserError(f"{path}: {name} holds infinities or NaN", "Fetch or save it again.")
    return values


def safetensors_format(path: Path) -> str:
    """Whose layout a safetensors file has: ``np`` is Paddle's, ``pt`` PyTorch's.

    PaddleNLP always writes which; what does not say so is taken for PyTorch's.

    Raises:
        UserError: The file is damaged.
    """
    try:
        with safe_open(path, framework="np") as tensors:
            return (tensors.metadata() or {}).get("format", "pt")
    except (SafetensorError, OSError) as error:
        raise UserError(f"{path} is damaged: {error}", "Make or fetch it again.") from error


def write_weights(folder: Path, state: dict[str, np.ndarray]) -> Path:
    """Write a state dict in Paddle's layout as ``model.safetensors``, whole or not at all.

    Raises:
        OSError: The disk is full or the folder cannot be written.
    """
    path = folder / SAFETENSORS
    with atomic_path(path) as temporary:
        # "np" is how PaddleNLP marks its layout; transformers refuses it, so that nobody
        # loads transposed matrices by mistake.
        try:
            save_file(state, temporary, metadata={"format": "np"})
        except SafetensorError as error:  # a full disk, for one
            raise OSError(str(error)) from error
    return path


def read_config_file(folder: Path) -> dict[str, Any]:
    """The ``config.json`` of a model folder as a dictionary.

    Raises:
        UserError: It is missing or is not a JSON object.
    """
    path = folder / "config.json"
    if not folder.is_dir():
        raise UserError(
            f"model folder {folder} does not exist", "Give a folder that `infoxlm convert` wrote."
        )
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise UserError(f"{folder} has no config.json", "Give a model folder.") from error
    except (ValueError, OSError) as error:
        raise UserError(f"{path} cannot be read: {error}", "Make or fetch it again.") from error
    if not isinstance(config, dict):
        raise UserError(f"{path} is not a JSON object", "Make or fetch it again.")
    return config
