"""Paddle to PyTorch."""

from pathlib import Path

from infoxlm.checkpoint.config_file import read_config_file
from infoxlm.checkpoint.weights_file import WeightsFile
from infoxlm.convert.checkpoint import PADDLE, PYTORCH, Checkpoint
from infoxlm.convert.conversion import write_model_folder
from infoxlm.convert.report import ConversionReport
from infoxlm.convert.target_folder import check_target
from infoxlm.files.manifest import MANIFEST, check_manifest
from infoxlm.tokenization.tokenizer import InfoXLMTokenizer


def convert_to_torch(source: Path, target: Path, *, overwrite: bool = False) -> ConversionReport:
    """Write a Paddle folder as one that transformers loads, with the same values.

    Args:
        source: A folder that ``infoxlm convert``, ``infoxlm train`` or PaddleNLP wrote.
        target: The folder to write.
        overwrite: Replace a target that an earlier conversion wrote.

    Returns:
        What was done; the target holds it as ``conversion.md``.

    Raises:
        UserError: The source cannot be read or is not an XLM-R, or the target is in the way.
    """
    check_target(target, overwrite=overwrite)
    report = write_model_folder(read_paddle_folder(source), target, PYTORCH, overwrite=overwrite)
    report.match.log_renamed(source)
    return report


def read_paddle_folder(folder: Path) -> Checkpoint:
    """Open a folder with weights in Paddle's layout.

    Raises:
        UserError: A file is missing or damaged, or the model is of another kind.
    """
    config = read_config_file(folder)
    if (folder / MANIFEST).is_file():
        check_manifest(folder)
    return Checkpoint(
        source=str(folder),
        layout=PADDLE,
        config=config,
        tensors=WeightsFile.find(folder),
        tokenizer=InfoXLMTokenizer.from_pretrained(folder),
    )
