"""A checkpoint as a folder that predictions are made with, proved to give the same logits."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np

from infoxlm import __version__
from infoxlm.checkpoint.config_file import CONFIG_FILE
from infoxlm.convert.target_folder import check_target, target_folder
from infoxlm.deploy.logit_parity import ROWS, TOLERANCE, LogitParity, outputs_of, sample_tokens
from infoxlm.deploy.model_folder import EXPORT_RECORD, ONNX_MODEL, ModelFolder
from infoxlm.deploy.onnx_model import check_onnx, describe_model, quantize, write_onnx
from infoxlm.deploy.runtimes import CheckpointModel, load_runtime
from infoxlm.errors import UserError
from infoxlm.files.atomic import write_json
from infoxlm.files.manifest import write_manifest
from infoxlm.hardware.environment import available_cores
from infoxlm.runs.run_record import weights_checksums
from infoxlm.schema import ExportPrecision
from infoxlm.tokenization.token_ids import TokenIds

#: Stored as 8-bit integers, which ONNX Runtime alone computes with.
INTEGER = (ExportPrecision.int8_dynamic, ExportPrecision.int8_static)


@dataclass(frozen=True)
class ExportOptions:
    """The options of an export.

    Attributes:
        onnx: Write ONNX as well as Paddle's form; 8-bit models are ONNX only.
        precision: How the weights are stored.
        max_length: Most tokens of a sequence; None: what the checkpoint was fine-tuned with.
        overwrite: Replace a target that an earlier export wrote.
    """

    onnx: bool = False
    precision: ExportPrecision = ExportPrecision.fp32
    max_length: int | None = None
    overwrite: bool = False


def export_model(
    checkpoint: str | Path, target: Path, options: ExportOptions, cache_dir: Path | None = None
) -> list[LogitParity]:
    """Write a checkpoint's model as static models, with tokenizer, labels and checksums.

    The target appears when every model in it was run on texts in many languages and, in
    float32, gave the checkpoint's logits; until then nothing is there.

    Args:
        checkpoint: Whatever `model.checkpoint` may be.
        target: The folder to write.
        options: What to write.
        cache_dir: Where converted checkpoints are kept; None: the configurations' default.

    Returns:
        How far each model is from the checkpoint.

    Raises:
        UserError: Checkpoint or target cannot be used, or a model gives other logits.
    """
    check_target(target, overwrite=options.overwrite, mark=EXPORT_RECORD)
    if options.onnx:
        check_onnx("format=onnx")
    source = ModelFolder.open(checkpoint, cache_dir)
    if not source.is_checkpoint:
        raise UserError(
            f"{source.path} is exported already", "Give the checkpoint that it was exported from."
        )
    length = source.usable_length(options.max_length)
    tokenizer = source.tokenizer(available_cores())
    original = CheckpointModel.load(source, "cpu")
    inference = source.inference
    sample = sample_tokens(inference, "test", ROWS, tokenizer, length)
    expected = outputs_of(original, sample)

    with target_folder(
        target, overwrite=options.overwrite, source=source.path, mark=EXPORT_RECORD
    ) as folder:
        tokenizer.save_pretrained(folder)
        write_json(folder / CONFIG_FILE, {**source.config, "train_max_length": length})
        calibration = sample_tokens(inference, "dev", ROWS, tokenizer, length)
        write_models(original, folder, options, calibration)
        if (model := folder / ONNX_MODEL).is_file():
            describe_model(model, inference.facts() | onnx_facts(length, options.precision))
        agreements = list(compare(ModelFolder.open(folder), options.precision, sample, expected))
        record = {
            "version": __version__,
            "checkpoint": str(source.path.resolve()),
            "weights": weights_checksums(source.path),
            "precision": options.precision.value,
            "max_length": length,
            "agreement": [asdict(agreement) for agreement in agreements],
        }
        write_json(folder / EXPORT_RECORD, record)
        write_manifest(folder)
    return agreements


def write_models(
    original: CheckpointModel, folder: Path, options: ExportOptions, calibration: TokenIds
) -> None:
    """Write the models that are asked for.

    Args:
        original: The checkpoint; with half precision it cannot be used any more afterwards.
        folder: Where to.
        options: What to write.
        calibration: Sequences for int8_static; none that the result is compared on.
    """
    # Here because it imports paddle.
    from infoxlm.deploy.static_model import remove_static_model, write_static_model

    precision = options.precision
    program = write_static_model(
        original.model,
        folder,
        half=precision is ExportPrecision.fp16,
        single_row=precision not in INTEGER,
    )
    if precision in INTEGER:
        single = folder / f"float32.{ONNX_MODEL}"
        write_onnx(program, single)
        remove_static_model(folder)
        static = precision is ExportPrecision.int8_static
        quantize(single, folder / ONNX_MODEL, calibration if static else None)
        single.unlink()
    elif options.onnx:
        write_onnx(program, folder / ONNX_MODEL)


def onnx_facts(max_length: int, precision: ExportPrecision) -> dict[str, str]:
    """The metadata of an ONNX model, for whoever has the file alone.

    Args:
        max_length: Most tokens of a sequence.
        precision: How the weights are stored.
    """
    import paddle  # here because it takes seconds

    return {
        "max_length": str(max_length),
        "precision": precision.value,
        "infoxlm": __version__,
        "paddle": paddle.__version__,
        "paddle2onnx": version("paddle2onnx"),
    }


def compare(
    written: ModelFolder,
    precision: ExportPrecision,
    sample: TokenIds,
    expected: Sequence[np.ndarray],
) -> Iterator[LogitParity]:
    """Run each model of an exported folder, from its files, as a user would.

    Args:
        written: The folder.
        precision: How it stores the weights.
        sample: What to run it on.
        expected: The checkpoint's outputs.

    Raises:
        UserError: A model in float32 gives other logits, or any gives infinities or NaN.
    """
    for name, model in (("paddle", written.program), ("onnx", written.onnx)):
        if model is None:
            continue
        runtime = load_runtime(written, name, device="cpu", threads=None)
        agreement = LogitParity.of(runtime.name, expected, outputs_of(runtime, sample))
        exact = precision is ExportPrecision.fp32
        # Written so that NaN, which is neither, does not pass.
        if not agreement.largest < (TOLERANCE if exact else float("inf")):
            raise UserError(
                f"{model.name} in {runtime.name} gives logits that differ from the checkpoint's "
                f"by up to {agreement.largest:.1e}"
                + (f" (allowed {TOLERANCE:.0e})" if exact else ""),
                "Nothing was written; try the versions in constraints.txt, which were checked.",
            )
        yield agreement
