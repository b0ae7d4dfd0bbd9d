"""results.png of a sweep: its metric against each value that was varied."""

import math
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING

import numpy as np

from infoxlm.reporting.drawing import FAINT, INK, OURS, figure, heading, shades_by_rank
from infoxlm.sweep.sweep_results import SEED, SweepResults
from infoxlm.sweep.sweep_run import AVERAGE, SweepRun

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: More panels side by side than these are not readable.
MOST_PANELS = 4
#: More shades than these cannot be told apart.
MOST_SHADES = 6
#: Characters of a value under an axis or in a legend.
MOST_CHARACTERS = 24
#: Numbers of other sizes are shown as names: no axis holds all of them.
SMALLEST, LARGEST = 1e-15, 1e15


def plot_sweep(results: SweepResults, path: str | Path) -> None:
    """Draw a panel for each key: a point a run, a line through the means.

    Args:
        results: A sweep with finished runs that differ in something.
        path: The PNG to write.
    """
    split, name = chosen = results.splits[0], results.chosen_by
    metric = results.metric
    runs = [run for run in results.distinct if run.figure(*chosen) is not None]
    keys = ([key for key in results.keys if key != SEED] or results.keys)[:MOST_PANELS]
    with figure(path, panels=len(keys), width=max(10, 4.5 * len(keys))) as panels:
        for axes, key in zip(panels, keys, strict=True):
            draw_key(axes, runs, key, colouring_key(keys, runs, key), chosen, metric.scale)
        title = f"{split.capitalize()} {metric.title} of {len(runs)} runs"
        what = "average over languages" if name == AVERAGE else name
        heading(panels[0], title, f"{what}{' in percent' * metric.percent}; line: mean")


def colouring_key(keys: Sequence[str], runs: Sequence[SweepRun], key: str) -> str | None:
    """The other key with the fewest values, if they can be told apart by shades."""

    def values(other: str) -> int:
        return len({run.varied[other] for run in runs})

    others = [other for other in keys if other != key and 1 < values(other) <= MOST_SHADES]
    return min(others, key=values, default=None)


def draw_key(
    axes: "Axes",
    runs: Sequence[SweepRun],
    key: str,
    colour: str | None,
    shown: tuple[str, str],
    scale: float,
) -> None:
    """Draw one panel of a split's figure, multiplied by a scale."""
    places, ticks = places_of([run.varied[key] for run in runs])
    logarithmic = ticks is None and spans_decades(places)
    # In a search every run has a value of its own: a line through such would tell nothing.
    searched = ticks is None and len(set(places)) > max(6, len(runs) / 2)
    shades = ordered({run.varied[colour] for run in runs}) if colour else [""]
    colours = shades_by_rank(-np.arange(len(shades), dtype=float)) if colour else [OURS]
    for number, (value, shade) in enumerate(zip(shades, colours, strict=True)):
        chosen = [i for i, run in enumerate(runs) if not colour or run.varied[colour] == value]
        by_place: dict[float, list[float]] = {}
        for i in chosen:
            score = runs[i].figure(*shown)
            assert score is not None
            by_place.setdefault(places[i], []).append(scale * score)
        # Side by side rather than one over another.
        shift = (number - (len(shades) - 1) / 2) * 0.5 / max(len(shades), 4)
        shifted = {x: moved(x, shift, places, logarithmic) for x in by_place}
        points = [(shifted[x], y) for x in by_place for y in by_place[x]]
        label = shortened(value) if searched else None
        axes.plot(
            *zip(*points, strict=True), "o", color=shade, ms=5, alpha=0.5, mec="none", label=label
        )
        if not searched:
            line = [(shifted[x], fmean(by_place[x])) for x in sorted(by_place)]
            axes.plot(
                *zip(*line, strict=True), "-_", color=shade, lw=2, ms=12, label=shortened(value)
            )
    if logarithmic:
        from matplotlib.ticker import LogFormatter

        axes.set_xscale("log")
        # The default one writes powers as formulas, which are off in our pictures.
        axes.xaxis.set_major_formatter(LogFormatter())
        axes.xaxis.set_minor_formatter(LogFormatter(labelOnlyBase=False, minor_thresholds=(1, 0.5)))
    distinct = sorted(set(places))
    if ticks is not None:
        angle = 30 if max(map(len, ticks)) * len(ticks) > 40 else 0
        axes.set_xticks(range(len(ticks)), ticks, rotation=angle, ha="right" if angle else "center")
    elif len(distinct) <= 8:
        axes.set_xticks(distinct, [f"{x:g}" for x in distinct], minor=False)
        axes.set_xticks([], minor=True)
    axes.tick_params(axis="x", colors=INK)
    axes.set_xlabel(key)
    if colour and axes.get_legend_handles_labels()[0]:
        axes.legend(title=colour, frameon=False, fontsize=9, title_fontsize=9, labelcolor=INK)
    axes.spines["bottom"].set_color(FAINT)


def places_of(values: Sequence[str]) -> tuple[list[float], list[str] | None]:
    """Positions of values on an axis, and names: numbers as they are, others at 0, 1, 2, ..."""
    try:
        numbers = [float(value) for value in values]
        if all(x == 0 or SMALLEST <= abs(x) <= LARGEST for x in numbers):
            return numbers, None
    except ValueError:
        pass
    names = ordered(set(values))
    return [float(names.index(value)) for value in values], list(map(shortened, names))


def shortened(value: str) -> str:
    """A value as a picture has room for it, in one line."""
    text = "".join(x if x.isprintable() else " " for x in value)
    return text if len(text) <= MOST_CHARACTERS else f"{text[: MOST_CHARACTERS - 1]}…"


def ordered(values: set[str]) -> list[str]:
    """Values by size where they are numbers, else by name."""
    try:
        return sorted(values, key=float)
    except ValueError:
        return sorted(values)


def spans_decades(places: Sequence[float]) -> bool:
    """Tell whether numbers belong on a logarithmic axis, as learning rates do."""
    low, high = min(places), max(places)
    return low > 0 and high >= 4 * low and (high < 1 or high >= 100 * low)


def moved(place: float, shift: float, places: Sequence[float], logarithmic: bool) -> float:
    """A place moved by a share of the distance between neighbouring places."""
    distinct = sorted({math.log(x) if logarithmic else x for x in places})
    if len(distinct) < 2:
        return place
    step = shift * min(b - a for a, b in zip(distinct, distinct[1:], strict=False))
    return place * math.exp(step) if logarithmic else place + step
