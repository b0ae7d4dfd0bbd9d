"""What training and evaluation do alike before and after the model computes."""

from collections.abc import Sequence
from enum import Enum
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf
from rich.console import Console

from infoxlm.checkpoint_source import find_checkpoint
from infoxlm.data.source import DataSource
from infoxlm.errors import UserError
from infoxlm.evaluate.plot import plot_results
from infoxlm.evaluate.report import terminal_report, write_report
from infoxlm.hardware import available_cores
from infoxlm.schema import DataConfig, HardwareConfig, ModelConfig
from infoxlm.small_vocabulary import small_vocabulary
from infoxlm.tokenizer import InfoXLMTokenizer


def model_folder(model: ModelConfig, cache_dir: Path) -> Path | None:
    """The Paddle model folder that a configuration names; None for random weights.

    Raises:
        UserError: There is neither a checkpoint nor a shape, or the checkpoint is at fault.
    """
    if model.checkpoint is not None:
        return find_checkpoint(model.checkpoint, cache_dir)
    if model.shape is None:
        raise UserError(
            "model.checkpoint is not set and model.shape neither",
            "Give model.checkpoint=FOLDER, or take model=tiny for random weights.",
        )
    return None


def model_tokenizer(
    model: ModelConfig, folder: Path | None, data: DataConfig, hardware: HardwareConfig
) -> InfoXLMTokenizer:
    """The tokenizer beside the weights; for random weights one made from the sample."""
    threads = hardware.threads or available_cores()
    if folder is not None:
        return InfoXLMTokenizer.from_pretrained(folder, threads=threads)
    size = model.shape.vocab_size if model.shape is not None else 0
    vocabulary = small_vocabulary(size, Path(data.cache_dir).expanduser())
    return InfoXLMTokenizer(vocabulary, threads=threads)


def data_checksums(
    source: DataSource, parts: Sequence[tuple[str, Sequence[str]]]
) -> dict[str, str]:
    """SHA-256 of the data behind each split and language, as ``<split>/<language>``."""
    return {
        f"{split}/{language}": source.fingerprint(split, language)
        for split, languages in parts
        for language in languages
    }


def flat_settings(config: Any) -> dict[str, Any]:
    """A configuration as ``{"optimizer.learning_rate": 2e-5, ...}``, values as people type them."""

    def flatten(node: Any, prefix: str) -> dict[str, Any]:
        settings: dict[str, Any] = {}
        for key, value in node.items():
            if isinstance(value, dict):
                settings |= flatten(value, f"{prefix}{key}.")
            elif isinstance(value, list):
                settings[f"{prefix}{key}"] = " ".join(map(str, value))
            else:
                settings[f"{prefix}{key}"] = value.value if isinstance(value, Enum) else value
        return settings

    return flatten(OmegaConf.to_container(OmegaConf.structured(config)), "")


def finish(results: dict[str, Any], folder: Path, hint: str = "") -> None:
    """Write results.json, results.md and results.png, and print the table and where they are."""
    plot_results(results, folder / "results.png")
    write_report(results, folder)
    console = Console()
    console.print(terminal_report(results))
    shown = folder.relative_to(Path.cwd()) if folder.is_relative_to(Path.cwd()) else folder
    console.print(f"results    {shown / 'results.md'}, results.json", highlight=False)
    console.print(f"picture    {shown / 'results.png'}", highlight=False)
    if hint:
        console.print(hint, highlight=False)
