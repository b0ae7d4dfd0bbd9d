"""safetensors files by the library itself, to hold ours against."""

from pathlib import Path

import numpy as np
from safetensors import safe_open
from safetensors.numpy import save_file


def write_safetensors(path: Path, state: dict[str, np.ndarray], file_format: str) -> None:
    save_file(state, path, metadata={"format": file_format})


def read_safetensors(path: Path) -> tuple[str, dict[str, np.ndarray]]:
    """The ``format`` in the metadata, and the tensors."""
    with safe_open(path, framework="np") as file:
        return file.metadata()["format"], {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
