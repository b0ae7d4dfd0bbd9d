"""A comparison of two runs for programs, for readers and for the terminal, and its picture."""

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from rich.console import Group, RenderableType
from rich.text import Text

from infoxlm.evaluate.metric import Metric
from infoxlm.evaluate.paired import PairedFigure, PairedTest
from infoxlm.evaluate.report import run_facts, title
from infoxlm.files.atomic import write_json, write_text
from infoxlm.reporting.drawing import INK, OURS, figure, heading
from infoxlm.reporting.sections import Section
from infoxlm.runs.differences import difference_section
from infoxlm.runs.finished_run import FinishedRun
from infoxlm.runs.run_comparison import RunComparison


def plot_differences(
    figures: Sequence[PairedFigure], path: str | Path, title: str, metric: Metric
) -> None:
    """Draw each language's difference with its interval, the largest first, then the average.

    Args:
        figures: The figures of the comparison, from `compare_predictions`.
        path: The PNG to write.
        title: The heading of the plot.
        metric: The metric of the figures.
    """
    languages = [found for found in figures if found.is_language]
    drawn = sorted(languages, key=lambda found: -found.difference)
    drawn += [found for found in figures if found.name == "average"]
    positions = np.arange(len(drawn), dtype=float)
    positions[len(languages) :] += 0.5
    with figure(path) as (axes,):
        axes.axhline(0, color=INK, linewidth=1)
        for position, found in zip(positions, drawn, strict=True):
            bounds = [metric.scale * bound for bound in found.interval]
            axes.plot([position, position], bounds, color=INK, linewidth=1.2)
            axes.plot(
                position,
                metric.scale * found.difference,
                "o",
                markersize=8,
                markeredgecolor=OURS,
                markerfacecolor=OURS if found.is_significant else "white",
            )
        axes.set_xticks(positions, [found.name for found in drawn])
        if len(drawn) > len(languages):
            axes.get_xticklabels()[-1].set_fontweight("bold")
        axes.set_xlim(positions[0] - 0.6, positions[-1] + 0.6)
        unit = "points" if metric.percent else metric.unit
        heading(axes, title, f"{unit}, 95 % intervals; filled: p below 0.05, by Holm's method")


def headline(comparison: RunComparison) -> str:
    """The conclusion in one or two sentences: which run is better, and in which languages."""
    overall, count = comparison.overall, len(comparison.languages)
    if not comparison.unlike:
        return f"A and B predict the same on all {comparison.examples:,} examples."
    metric, (low, high) = comparison.metric, overall.interval
    numbers = (
        f"{metric.shown(overall.difference, signed=True)}{' points' if metric.percent else ''} "
        f"({f'average of {count} languages' if count > 1 else overall.name}, "
        f"95 % interval {_interval(overall, metric)})"
    )
    if low <= 0 <= high:
        text = f"No difference beyond the choice of test examples: B − A is {numbers}."
    else:
        text = f"B is {'better' if metric.is_better(low, 0) else 'worse'} than A: {numbers}."
    if count == 1:
        return text
    sure = [x for x in comparison.languages if x.is_significant]
    better = " ".join(x.name for x in sure if metric.is_better(x.difference, 0)) or "none"
    worse = " ".join(x.name for x in sure if metric.is_better(0, x.difference)) or "none"
    return f"{text} Single languages, by Holm's method: B better in {better}, worse in {worse}."


def sections(comparison: RunComparison) -> list[Section]:
    """The tables of a comparison, in the order in which they are read."""
    return [
        difference_section("Configuration that differs", comparison.settings),
        difference_section("Provenance that differs", comparison.provenance, comparison.unrecorded),
        _scores(comparison),
        _run_facts(comparison.first, comparison.second),
    ]


def write_comparison(comparison: RunComparison, folder: Path) -> None:
    """Write compare.json and compare.md; call it after the plot, so that it is shown."""
    write_json(folder / "compare.json", comparison.as_dict())
    blocks = [
        f"# {title(comparison.first.results)} (A) and {title(comparison.second.results)} (B)",
        f"**{headline(comparison)}**",
        "\n".join(f"- {name}: `{run.folder}`" for name, run in _named(comparison)),
    ]
    if (folder / "compare.png").exists():
        blocks.append("![Difference by language](compare.png)")
    blocks += [section.markdown() for section in sections(comparison)]
    write_text(folder / "compare.md", "\n\n".join(blocks) + "\n")


def terminal_comparison(comparison: RunComparison) -> RenderableType:
    """The comparison for a terminal: print it with `infoxlm.reporting.console.show`."""
    runs = [
        Text.assemble((name, "bold"), f"  {title(run.results)}\n   {run.folder}", overflow="fold")
        for name, run in _named(comparison)
    ]
    shown = [section.terminal() for section in sections(comparison)]
    return Group(*runs, "", *shown, Text(headline(comparison), style="bold"))


def _named(comparison: RunComparison) -> list[tuple[str, FinishedRun]]:
    return [("A", comparison.first), ("B", comparison.second)]


def _scores(comparison: RunComparison) -> Section:
    metric, binary = comparison.metric, comparison.is_counted
    header = ["language", "A", "B", "B − A", "95 % interval", "only A", "only B", "p", "Holm"]
    units = "Percent, differences in points." if metric.percent else f"{metric.unit.capitalize()}."
    test = (
        "only A, only B: examples that one run alone got right; p: McNemar's exact test on them, "
        "over several languages its form for clusters."
        if binary
        else "p: of the same bootstrap."
    )
    note = (
        f"{units} Interval: paired bootstrap over rows, each drawn with its translations. {test} "
        "Holm: p adjusted for the "
        f"number of languages looked at, {len(comparison.languages)}. None of these knows how much "
        "another training seed would change."
    )
    rows = [_row(figure, metric) for figure in comparison.figures]
    if not binary:  # there is nothing to count
        header, *rows = ([*row[:5], *row[7:]] for row in (header, *rows))
    return Section(
        f"{comparison.first.split.capitalize()} {metric.title}",
        header,
        rows,
        note,
        summaries=len(comparison.figures) - len(comparison.languages),
        numbers=True,
    )


def _row(figure: PairedFigure, metric: Metric) -> list[str]:
    test = figure.test or PairedTest(math.nan)
    counts = (test.only_first, test.only_second)
    return [
        figure.name,
        metric.shown(figure.first),
        metric.shown(figure.second),
        metric.shown(figure.difference, signed=True),
        _interval(figure, metric),
        *("" if count is None else f"{count:,}" for count in counts),
        *("" if p is None or math.isnan(p) else _p_value(p) for p in test[:2]),
    ]


def _interval(figure: PairedFigure, metric: Metric) -> str:
    return " to ".join(metric.shown(bound, signed=True) for bound in figure.interval)


def _p_value(p_value: float) -> str:
    return "<0.001" if p_value < 0.001 else f"{p_value:.3f}"


def _run_facts(first: FinishedRun, second: FinishedRun) -> Section:
    """Steps, time, speed and memory of both, where there are any."""
    facts, others = (dict(run_facts(run.results)) for run in (first, second))
    rows = [(name, facts.get(name, "–"), others.get(name, "–")) for name in facts | others]
    note = "Speeds compare only when both ran on the same machine with nothing else running."
    return Section("Steps, time and memory", ("", "A", "B"), rows, note, numbers=True)
