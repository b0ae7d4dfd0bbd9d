"""`infoxlm export`: a checkpoint as a folder that predictions are made with."""

from pathlib import Path

from rich.table import Table

from infoxlm.convert.find_checkpoint import required_checkpoint
from infoxlm.deploy.export import ExportOptions, export_model
from infoxlm.deploy.model_folder import EXPORT_RECORD
from infoxlm.files.manifest import read_manifest
from infoxlm.reporting.console import show
from infoxlm.schema import ExportConfig, ExportFormat


def run(config: ExportConfig, folder: str | Path) -> None:
    """Export, and print the files and how far their outputs are from the checkpoint's.

    Args:
        config: The model to export, the folder to write and the formats.
        folder: Not used: the record is export.json in the target.

    Raises:
        UserError: Checkpoint or target cannot be used, or an exported model gives other logits.
    """
    named = required_checkpoint(config.model.checkpoint)
    target = Path(config.target).expanduser()
    options = ExportOptions(
        onnx=config.format is ExportFormat.onnx,
        precision=config.precision,
        max_length=config.max_length,
        overwrite=config.overwrite,
    )
    agreements = export_model(named, target, options, Path(config.cache_dir).expanduser())
    table = Table("run by", "largest difference of a logit", "mean", "same label")
    for each in agreements:
        table.add_row(
            each.runtime, f"{each.largest:.1e}", f"{each.mean:.1e}", f"{each.same_label:.1%}"
        )
    table.caption = (
        f"exported model against checkpoint, {agreements[0].pairs} inputs in many languages"
    )
    files = [
        f"{size(int(file['bytes'])):>13}  {target / name}"
        for name, file in read_manifest(target).items()
    ]
    show(table, *files, f"written    {target}   (details in {EXPORT_RECORD})")


def size(count: int) -> str:
    """A number of bytes in the unit that suits it."""
    for unit, bytes_of_it in (("MB", 1e6), ("KB", 1e3)):
        if count >= bytes_of_it:
            return f"{count / bytes_of_it:,.1f} {unit}"
    return f"{count} bytes"
