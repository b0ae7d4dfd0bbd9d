"""Reports of a run for its reader: files, pictures, and tables on the terminal."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from infoxlm.evaluate.plot import plot_results
from infoxlm.evaluate.published import reported_split
from infoxlm.evaluate.report import terminal_report, write_report
from infoxlm.reporting.console import show, show_report
from infoxlm.retrieval.plot import plot_layers, plot_retrieval
from infoxlm.retrieval.report import terminal_report as retrieval_terminal_report
from infoxlm.retrieval.report import write_retrieval_report
from infoxlm.tasks.registry import reported_task


def finish(results: dict[str, Any], folder: Path, hint: str = "") -> None:
    """Write results.json, results.md and results.png, and print the table and where they are."""
    files, row, sections = {"results": "results.md"}, None, []
    pictures: Mapping[str, str] = {}
    if split := reported_split(results):
        task = reported_task(results)
        row, sections = task.published(results), task.report_sections(results, split)
        files["picture"] = "results.png"
        plot_results(results, folder / files["picture"], row)
        pictures = task.draw(results, folder)
    write_report(results, folder, row, sections, pictures)
    show_report(terminal_report(results, row, sections), folder, files)
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
    show_report(retrieval_terminal_report(results), folder, files)
