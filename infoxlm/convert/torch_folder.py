"""PyTorch checkpoints: a folder as transformers writes it."""

import re
import warnings
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from infoxlm.checkpoint.checkpoint import PADDLE, PYTORCH, Checkpoint, Tensors
from infoxlm.checkpoint.config_file import read_config_file
from infoxlm.checkpoint.safetensors_reader import SafetensorsReader
from infoxlm.checkpoint.sharded_weights import (
    INDEX_SUFFIX,
    check_shards,
    find_safetensors,
    read_index,
)
from infoxlm.checkpoint.weights_file import (
    DISTRUST,
    PYTORCH_PICKLE,
    SAFETENSORS,
    as_float32,
    pytorch_pickle,
    wrong_type,
)
from infoxlm.errors import UserError
from infoxlm.files.regular_file import check_regular
from infoxlm.tokenization.tokenizer import InfoXLMTokenizer

if TYPE_CHECKING:
    import torch


def read_torch_folder(folder: Path, source: str | None = None) -> Checkpoint:
    """Open a folder with ``model.safetensors`` or ``pytorch_model.bin``; the first is preferred.

    Either may be split over several files, with an index.

    Args:
        folder: The folder.
        source: What the user called it; the folder itself when None.

    Raises:
        UserError: A file is missing or damaged, or the model is of another kind.
    """
    config = read_config_file(folder)
    return Checkpoint(
        source=source or str(folder),
        layout=PYTORCH,
        config=config,
        tensors=find_tensors(folder),
        tokenizer=InfoXLMTokenizer.from_pretrained(folder),
    )


def find_tensors(folder: Path) -> Tensors:
    """Open the weights of a folder, be they in one file or in several with an index.

    Raises:
        UserError: There are none, one of several is missing, or they are Paddle's.
    """
    if path := find_safetensors(folder):
        reader = SafetensorsReader(path)
        if reader.format == PADDLE.safetensors_format:
            raise UserError(
                f"{path} is in Paddle's layout already",
                "Give a PyTorch checkpoint, or set direction=to_torch to convert back.",
            )
        return reader
    if path := pytorch_pickle(folder):
        return PickledTensors(path)
    raise UserError(
        f"{folder} has neither {SAFETENSORS} nor {PYTORCH_PICKLE}",
        "Give a folder with PyTorch weights in one of the two.",
    )


def check_torch() -> None:
    """Raise UserError when torch is not installed."""
    try:
        import torch  # noqa: F401
    except ImportError as error:
        raise UserError(
            f"reading {PYTORCH_PICKLE} needs torch, which is not installed ({error})",
            'Run `pip install "infoxlm[torch]"`, or give a folder with model.safetensors.',
        ) from error


class PickledTensors:
    """The tensors of a ``pytorch_model.bin``, loaded without running code from it.

    Args:
        path: The file, or the index of several.

    Raises:
        UserError: torch is missing, or a file is missing or damaged or holds more than tensors.
    """

    def __init__(self, path: Path) -> None:
        check_torch()
        self.path = path
        self._state = (
            load_shards(path) if path.name.endswith(INDEX_SUFFIX) else load_state_dict(path)
        )
        self.names = frozenset(self._state)

    def shape(self, name: str) -> tuple[int, ...]:
        """The shape of a tensor."""
        return tuple(self._state[name].shape)

    def read(self, name: str, shape: tuple[int, ...]) -> np.ndarray:
        """Read one tensor as float32; UserError when its shape is another."""
        import torch

        tensor = self._state[name].detach()
        if tensor.layout is not torch.strided or tensor.is_meta:
            raise wrong_type(self.path, name, "meta" if tensor.is_meta else str(tensor.layout))
        if tensor.dtype not in (torch.float32, torch.float16, torch.bfloat16):
            raise wrong_type(self.path, name, str(tensor.dtype).removeprefix("torch."))
        # NumPy has no bfloat16 of its own.
        values = (tensor.float() if tensor.dtype == torch.bfloat16 else tensor).numpy()
        return as_float32(values, shape, self.path, name)


def load_shards(index: Path) -> "dict[str, torch.Tensor]":
    """Load the state dict that several files hold together.

    Raises:
        UserError: One is missing or damaged, or holds something else than the index says.
    """
    files = read_index(index)
    shards = {path: load_state_dict(path) for path in sorted(set(files.values()))}
    check_shards(index, files, {path: set(shard) for path, shard in shards.items()})
    return {name: tensor for shard in shards.values() for name, tensor in shard.items()}


def load_state_dict(path: Path) -> "dict[str, torch.Tensor]":
    """Load a state dict, mapped into memory where the file's format allows.

    Raises:
        UserError: The file is damaged, cut short, or holds anything but named tensors.
    """
    import torch

    load: dict[str, Any] = {"map_location": "cpu", "weights_only": True}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it remarks on pickle's version
            check_regular(path)
            # Files from before PyTorch 1.6 are no zip archives and cannot be mapped.
            state = torch.load(path, mmap=zipfile.is_zipfile(path), **load)
    except Exception as error:  # pickle, zip and torch raise a dozen kinds for a damaged file
        # torch's own text recommends to load the file with code and all.
        if code := re.search(r"(?:GLOBAL|Unsupported class) (\S+)", str(error)):
            raise UserError(f"{path} wants to run {code[1]}", DISTRUST) from error
        first = re.split(r"[\n.]", str(error))[0] or type(error).__name__
        reason = "it is damaged or something else" if first.startswith("Weights only") else first
        raise UserError(
            f"{path} cannot be loaded as plain tensors: {reason}",
            "Fetch or save it again (a git clone needs `git lfs pull`).",
        ) from error
    tensors_only = isinstance(state, dict) and all(
        isinstance(name, str) and isinstance(tensor, torch.Tensor) for name, tensor in state.items()
    )
    if not tensors_only:
        raise UserError(
            f"{path} holds something else than tensors by name",
            "Save the model's state_dict() alone, as save_pretrained of transformers does.",
        )
    return state
