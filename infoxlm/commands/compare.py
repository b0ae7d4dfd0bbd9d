"""`infoxlm compare`: two runs side by side."""

from pathlib import Path

from infoxlm.reporting.console import show_report
from infoxlm.runs.finished_run import FinishedRun
from infoxlm.runs.run_comparison import compare_runs
from infoxlm.runs.run_comparison_report import (
    plot_differences,
    terminal_comparison,
    write_comparison,
)
from infoxlm.schema import CompareConfig


def run(config: CompareConfig, folder: str | Path) -> None:
    """Compare, print the tables, write compare.json, compare.md and compare.png.

    Args:
        config: The command's configuration, which names the runs.
        folder: The folder that the files are written to.

    Raises:
        UserError: One is no finished run, or they did not predict the same examples.
    """
    folder = Path(folder)
    comparison = compare_runs(FinishedRun.read(config.run_a), FinishedRun.read(config.run_b))
    metric, split = comparison.metric, comparison.first.split
    title = f"{split.capitalize()} {metric.title} of B minus that of A"
    plot_differences(comparison.figures, folder / "compare.png", title, metric)
    write_comparison(comparison, folder)
    files = {"comparison": "compare.md", "picture": "compare.png"}
    show_report(terminal_comparison(comparison), folder, files)
