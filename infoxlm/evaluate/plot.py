"""results.png and curves.png: what a run reached, and how it got there."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from infoxlm.constants import LABELS, LANGUAGES
from infoxlm.evaluate.comparison import compare_with_paper
from infoxlm.reporting.drawing import (
    FAINT,
    INK,
    OURS,
    PAPER,
    figure,
    heading,
    label_ends,
    shades_by_rank,
)
from infoxlm.reporting.tables import title as run_title

_CHANCE = 100 / len(LABELS)
_CHANCE_LINE: dict[str, Any] = {
    "color": FAINT, "linewidth": 1, "linestyle": (0, (4, 3)), "zorder": 3
}  # fmt: skip


def plot_results(results: Mapping[str, Any], path: str | Path) -> None:
    """Draw a run's accuracy by language beside the published row.

    Args:
        results: A results dict as `write_report` takes it.
        path: The PNG to write.
    """
    comparison = compare_with_paper(results)
    # The published order of difficulty: the same in every run, so plots can be laid side by side.
    lines = sorted(comparison.languages, key=lambda line: -line.reference)
    lines.append(comparison.average)
    positions = np.arange(len(lines), dtype=float)
    positions[-1] += 0.5
    scores = 100 * np.array([line.score for line in lines])
    bounds = [line.interval or (line.score, line.score) for line in lines]
    errors = np.abs(100 * np.array(bounds).T - scores)

    with figure(path) as (axes,):
        published = [100 * line.reference for line in lines]
        label = comparison.reference.name + ("" if comparison.comparable else " (not one to one)")
        axes.bar(positions - 0.2, scores, 0.38, color=OURS, label=results["model"])
        axes.bar(positions + 0.2, published, 0.38, color=PAPER, label=label)
        axes.errorbar(
            positions - 0.2, scores, errors, fmt="none", ecolor=INK, elinewidth=1, capsize=2
        )
        for position, score, error in zip(positions, scores, errors[1], strict=True):
            axes.text(
                position - 0.2, score + error + 1, f"{score:.1f}", ha="center", va="bottom", size=9
            )
        axes.set_xticks(positions, [line.name for line in lines])
        axes.get_xticklabels()[-1].set_fontweight("bold")
        axes.set_xlim(positions[0] - 0.6, positions[-1] + 0.6)
        axes.set_ylim(0, 100)
        axes.axhline(_CHANCE, **_CHANCE_LINE)
        axes.annotate(
            f"chance\n{_CHANCE:.1f}",
            xy=(1, _CHANCE),
            xycoords=axes.get_yaxis_transform(),
            xytext=(4, 0),
            textcoords="offset points",
            color=FAINT,
            size=9,
            va="center",
        )
        axes.legend(loc="upper right", ncols=2, frameon=False, bbox_to_anchor=(1, 1.1))
        heading(axes, run_title(results), f"{comparison.split} accuracy in percent")


def plot_curves(
    points: Sequence[Mapping[str, Any]], path: str | Path, title: str = "Dev accuracy"
) -> None:
    """Draw dev accuracy of every language over the optimizer steps.

    Args:
        points: `{"step": int, "accuracy": {language: fraction}}` in the order of the steps, at
            least one, all with the same languages.
        path: The PNG to write.
        title: What is drawn above.
    """
    from matplotlib.ticker import MaxNLocator

    languages = [language for language in LANGUAGES if language in points[0]["accuracy"]]
    steps = np.array([point["step"] for point in points])
    curves = 100 * np.array(
        [[point["accuracy"][language] for language in languages] for point in points]
    )
    average = curves.mean(axis=1)
    low, high = curves.min() - 1, curves.max() + 1

    with figure(path) as (axes,):
        # A line's shade tells the languages' final order, the label at its end which it is.
        shades = shades_by_rank(curves[-1])
        for column, shade in enumerate(shades):
            axes.plot(
                steps, curves[:, column], color=shade, lw=1.2, marker=".", ms=5, clip_on=False
            )
        axes.plot(steps, average, color=INK, lw=3, marker="o", ms=6, clip_on=False, zorder=4)
        axes.set_ylim(low, high)
        axes.set_xlim(0, max(1, steps[-1]))
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_xlabel("optimizer step")
        if low < _CHANCE < high:
            axes.axhline(_CHANCE, **_CHANCE_LINE)

        names = [*languages, "average"]
        ends = np.append(curves[-1], average[-1])
        label_ends(axes, names, ends, [*shades, INK])
        heading(axes, title, "accuracy in percent by language")
