"""What a run's configuration and results look like to its reader."""

from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf
from rich.console import Console

from infoxlm.evaluate.plot import plot_results
from infoxlm.evaluate.report import terminal_report, write_report


def flat_settings(config: Any) -> dict[str, Any]:
    """A configuration as ``{"optimizer.learning_rate": 2e-5, ...}``.

    Numbers stay numbers; everything else is written as it is typed on the command line.
    """

    def flatten(node: Any, prefix: str) -> dict[str, Any]:
        settings: dict[str, Any] = {}
        for key, value in node.items():
            if isinstance(value, dict):
                settings |= flatten(value, f"{prefix}{key}.")
            else:
                settings[f"{prefix}{key}"] = typed(value)
        return settings

    return flatten(OmegaConf.to_container(OmegaConf.structured(config)), "")


def typed(value: Any) -> int | float | str:
    """A value as it is typed on the command line; numbers as they are."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, list):
        return f"[{','.join(map(str, value))}]"
    return value.value if isinstance(value, Enum) else value


def compared_settings(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that runs are compared by: not where things are, nor what the machine is."""
    places = ("name", "data.root", "data.train_root", "data.cache_dir", "data.eval_languages")
    return {
        key: value
        for key, value in settings.items()
        if key not in places and not key.startswith(("hardware.", "model.shape"))
    }


def finish(results: dict[str, Any], folder: Path, hint: str = "") -> None:
    """Write results.json, results.md and results.png, and print the table and where they are."""
    plot_results(results, folder / "results.png")
    write_report(results, folder)
    console = Console()
    console.print(terminal_report(results))
    shown = folder.relative_to(Path.cwd()) if folder.is_relative_to(Path.cwd()) else folder
    for what, name in (("results", "results.md"), ("picture", "results.png")):
        console.print(f"{what}    {shown / name}", highlight=False, soft_wrap=True)
    if hint:
        console.print(hint, highlight=False)
