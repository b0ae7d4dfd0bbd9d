"""What a run's configuration and results look like to its reader."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import RenderableType

from infoxlm.evaluate.plot import plot_results
from infoxlm.evaluate.report import terminal_report, write_report
from infoxlm.reporting.console import show
from infoxlm.retrieval.plot import plot_layers, plot_retrieval
from infoxlm.retrieval.report import terminal_report as retrieval_terminal_report
from infoxlm.retrieval.report import write_retrieval_report


def finish(results: dict[str, Any], folder: Path, hint: str = "") -> None:
    """Write results.json, results.md and results.png, and print the table and where they are."""
    plot_results(results, folder / "results.png")
    write_report(results, folder)
    tell(terminal_report(results), folder, {"results": "results.md", "picture": "results.png"})
    if hint:
        show(hint)


def finish_retrieval(results: dict[str, Any], folder: Path) -> None:
    """As `finish`, for retrieval; of several layers also layers.csv and layers.png."""
    files = {"results": "results.md", "picture": "results.png"}
    plot_retrieval(results, folder / files["picture"])
    if len(results["layers"]) > 1:
        files["by block"] = "layers.png"
        plot_layers(results, folder / files["by block"])
    write_retrieval_report(results, folder)
    tell(retrieval_terminal_report(results), folder, files)


def tell(report: RenderableType, folder: Path, files: Mapping[str, str]) -> None:
    """Print a report and where its files are.

    Args:
        report: What to print.
        folder: The run's folder.
        files: Names of files in it, by what they are called.
    """
    shown = folder.relative_to(Path.cwd()) if folder.is_relative_to(Path.cwd()) else folder
    show(report, *(f"{what:<10} {shown / name}" for what, name in files.items()))
