"""Plots of a run: scores by language (results.png) and over the steps (curves.png)."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from infoxlm.evaluate.published import Published, compare_with_published
from infoxlm.evaluate.report import title as run_title
from infoxlm.evaluate.scores import Scores
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

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_CHANCE_LINE: dict[str, Any] = {
    "color": FAINT, "linewidth": 1, "linestyle": (0, (4, 3)), "zorder": 3
}  # fmt: skip


def plot_results(
    results: Mapping[str, Any], path: str | Path, published: Published | None = None
) -> None:
    """Draw a run's scores by language next to the published row.

    Args:
        results: A results dict as `write_report` takes it.
        path: The PNG to write.
        published: The published row; None where there is none.
    """
    comparison = compare_with_published(results, published)
    metric = comparison.metric
    # The published order of difficulty: the same in every run, so plots can be laid side by side.
    lines = sorted(comparison.languages, key=lambda line: -(line.published or 0.0))
    averages = [x for x in (comparison.average, comparison.shared) if x is not None]
    lines += averages
    paired = np.array([line.published is not None for line in lines])
    positions = np.arange(len(lines), dtype=float)
    positions[-len(averages) :] += (0.5, 0.9)[
        : len(averages)
    ]  # room for the longer name of the second
    ours = positions - 0.2 * paired
    scores = metric.scale * np.array([line.score for line in lines])
    bounds = [line.interval or (line.score, line.score) for line in lines]
    errors = np.abs(metric.scale * np.array(bounds).T - scores)

    with figure(path) as (axes,):
        axes.bar(ours, scores, 0.38 if paired.any() else 0.6, color=OURS, label=results["model"])
        if published is not None and paired.any():
            figures = [metric.scale * x.published for x in lines if x.published is not None]
            label = published.name + ("" if published.comparable else " (not one to one)")
            axes.bar(positions[paired] + 0.2, figures, 0.38, color=PAPER, label=label)
        axes.errorbar(ours, scores, errors, fmt="none", ecolor=INK, elinewidth=1, capsize=2)
        if metric.percent:
            axes.set_ylim(0, 100)
        low, high = axes.get_ylim()
        for place, line, score, error in zip(ours, lines, scores, errors[1], strict=True):
            top = score + error + 0.01 * (high - low)
            text = metric.shown(line.score).replace("−", "-")
            axes.text(place, top, text, ha="center", va="bottom", size=9)
        axes.set_xticks(positions, [line.name for line in lines])
        for tick in axes.get_xticklabels()[-len(averages) :]:
            tick.set_fontweight("bold")
        axes.set_xlim(positions[0] - 0.6, positions[-1] + 0.6)
        draw_chance(axes, comparison.scores)
        axes.legend(loc="upper right", ncols=2, frameon=False, bbox_to_anchor=(1, 1.1))
        heading(axes, run_title(results), f"{comparison.split} {metric.unit}")


def draw_chance(axes: "Axes", scores: Scores) -> None:
    """Draw and name the line of a guess, where it is known."""
    if scores.chance is None:
        return
    height = scores.main.scale * scores.chance
    axes.axhline(height, **_CHANCE_LINE)
    axes.annotate(
        f"chance\n{scores.main.shown(scores.chance)}",
        xy=(1, height),
        xycoords=axes.get_yaxis_transform(),
        xytext=(4, 0),
        textcoords="offset points",
        color=FAINT,
        size=9,
        va="center",
    )


def plot_curves(
    logged: Sequence[Mapping[str, Any]],
    scores: Scores,
    path: str | Path,
    split: str = "dev",
    title: str | None = None,
) -> None:
    """Draw the main metric of every language over the optimizer steps.

    Args:
        logged: The lines of a run's metrics.jsonl; at least one has scores of the split.
        scores: Some of these scores: their metric, languages and chance are drawn.
        path: The PNG to write.
        split: Whose scores are drawn.
        title: The heading of the plot; None: split and metric.
    """
    from matplotlib.ticker import MaxNLocator

    metric, tag = scores.main, f"{split}/{scores.main.name}"
    points = [line for line in logged if f"{tag}/average" in line]
    steps = np.array([point["step"] for point in points])
    curves = metric.scale * np.array(
        [[point[f"{tag}/{language}"] for language in scores.languages] for point in points]
    )
    average = curves.mean(axis=1)
    # A share moves within a point or so when nothing happens; other metrics have no such measure.
    margin = 1 if metric.percent else 0.05 * float(curves.max() - curves.min()) or 1.0
    low, high = curves.min() - margin, curves.max() + margin

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
        if scores.chance is not None and low < metric.scale * scores.chance < high:
            axes.axhline(metric.scale * scores.chance, **_CHANCE_LINE)

        names = [*scores.languages, "average"]
        ends = np.append(curves[-1], average[-1])
        label_ends(axes, names, ends, [*shades, INK])
        heading(axes, title or f"{split.capitalize()} {metric.title}", f"{metric.unit} by language")
