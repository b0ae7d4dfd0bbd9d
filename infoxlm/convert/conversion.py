"""The conversion itself, the same in both directions."""

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from infoxlm.checkpoint.architecture import (
    CLASSIFIER,
    ExpectedTensor,
    class_names,
    number_of_labels,
    numbered_labels,
)
from infoxlm.checkpoint.checkpoint import PYTORCH, Checkpoint, Layout
from infoxlm.checkpoint.config_file import CONFIG_FILE, MODEL_TYPE
from infoxlm.checkpoint.names import NameMatch, check_tied, match_names
from infoxlm.checkpoint.safetensors_reader import SafetensorsReader
from infoxlm.checkpoint.safetensors_writer import SafetensorsWriter
from infoxlm.checkpoint.weights_file import SAFETENSORS
from infoxlm.convert.report import REPORT_FILE, ConversionReport, TensorRecord
from infoxlm.convert.target_folder import target_folder
from infoxlm.errors import UserError
from infoxlm.files.atomic import write_json
from infoxlm.tracking.progress import progress

#: Entries of config.json that describe one copy of a model, not the model.
STORAGE_KEYS = {"torch_dtype", "dtype", "return_dict", "_name_or_path"}


def write_model_folder(
    checkpoint: Checkpoint, target: Path, layout: Layout, *, overwrite: bool
) -> ConversionReport:
    """Write a checkpoint as a model folder in float32, whole or not at all.

    Args:
        checkpoint: What to write.
        target: The folder.
        layout: The framework to write it for.
        overwrite: Replace a folder that an earlier conversion wrote.

    Returns:
        What was done; also written as ``conversion.md``.

    Raises:
        UserError: The checkpoint is not an XLM-R, or the target is in the way.
    """
    match = match_names(checkpoint.tensors.names, checkpoint.config, str(checkpoint.tensors.path))
    check_tokenizer(checkpoint)
    check_tied(checkpoint.tensors, match)
    with target_folder(target, overwrite=overwrite, source=checkpoint.tensors.path) as folder:
        records = copy_tensors(checkpoint, match, folder / SAFETENSORS, layout)
        check_written(folder / SAFETENSORS, match, layout, records)
        config = converted_config(checkpoint.config, match, layout)
        write_json(folder / CONFIG_FILE, dict(sorted(config.items())))
        checkpoint.tokenizer.save_pretrained(folder, fast=layout is PYTORCH)
        report = ConversionReport(
            source=checkpoint.source,
            target=target,
            framework=layout.framework,
            architectures=tuple(config["architectures"]),
            tensors=records,
            match=match,
            left_out=checkpoint.left_out,
        )
        (folder / REPORT_FILE).write_text(report.markdown(), encoding="utf-8")
    return report


def check_tokenizer(checkpoint: Checkpoint) -> None:
    """Refuse a tokenizer with ids that have no embedding.

    Raises:
        UserError: There are more token ids than word embeddings.
    """
    ids, rows = checkpoint.tokenizer.vocab_size, checkpoint.config["vocab_size"]
    if ids > rows:
        raise UserError(
            f"{checkpoint.source}: the tokenizer has {ids} ids, config.json says vocab_size {rows}",
            "Put the vocabulary file that the weights were trained with next to them.",
        )


def copy_tensors(
    checkpoint: Checkpoint, match: NameMatch, path: Path, layout: Layout
) -> tuple[TensorRecord, ...]:
    """Write every tensor in another layout, one in memory at a time."""
    shapes = {name: layout.shape(tensor) for name, tensor in match.expected.items()}
    records = []
    with SafetensorsWriter(path, shapes, layout.safetensors_format) as writer:
        for name, tensor in with_bar(match.expected, "writing"):
            source_name = match.sources[name]
            values = checkpoint.tensors.read(source_name, checkpoint.layout.shape(tensor))
            writer.write(name, checkpoint.layout.convert(values, tensor, layout))
            records.append(
                TensorRecord(
                    source_name=source_name,
                    target_name=name,
                    shape=shapes[name],
                    transposed=tensor.is_linear and layout is not checkpoint.layout,
                    sha256=checksum(checkpoint.layout.convert(values, tensor, PYTORCH)),
                )
            )
    return tuple(records)


def check_written(
    path: Path, match: NameMatch, layout: Layout, records: tuple[TensorRecord, ...]
) -> None:
    """Read the new file back and compare every value with what was converted.

    Raises:
        UserError: A tensor came out different.
    """
    written = SafetensorsReader(path)
    expected = {record.target_name: record.sha256 for record in records}
    for name, tensor in with_bar(match.expected, "reading back"):
        values = written.read(name, layout.shape(tensor))
        if checksum(layout.convert(values, tensor, PYTORCH)) != expected[name]:
            raise UserError(
                f"{path.name}: {name} was read back with other values than were written",
                "Check the disk and convert again.",
            )


def checksum(values: np.ndarray) -> str:
    """SHA-256 of values in C order, as little-endian float32."""
    return hashlib.sha256(np.ascontiguousarray(values, "<f4").data).hexdigest()


def with_bar(
    tensors: dict[str, ExpectedTensor], doing: str
) -> Iterable[tuple[str, ExpectedTensor]]:
    """Go through the tensors with a bar, should it take long."""
    return progress(tensors.items(), label=doing, unit=" tensors", delay=3)


def converted_config(config: dict[str, Any], match: NameMatch, layout: Layout) -> dict[str, Any]:
    """The config.json of the target.

    Everything is kept but what says how the numbers were stored, and PaddleNLP's
    ``return_dict``, which would turn the outputs of transformers into tuples.
    """
    kept = {key: config[key] for key in config.keys() - STORAGE_KEYS}
    if CLASSIFIER in match.parts and not kept.get("id2label"):
        kept |= numbered_labels(number_of_labels(config))
    return {
        **kept,
        "architectures": class_names(match.parts, config),
        "model_type": MODEL_TYPE,
        layout.dtype_key: "float32",
    }
