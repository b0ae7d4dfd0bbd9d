"""compare.png: in which languages one run is better than another."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from infoxlm.evaluate.paired import PairedFigure
from infoxlm.reporting.drawing import INK, OURS, figure, heading


def plot_differences(figures: Sequence[PairedFigure], path: str | Path, title: str) -> None:
    """Draw each language's difference with its interval, the largest first, then the average.

    Args:
        figures: What `compare_predictions` gives.
        path: The PNG to write.
        title: What is drawn above.
    """
    languages = [found for found in figures if found.is_language]
    drawn = sorted(languages, key=lambda found: -found.difference)
    drawn += [found for found in figures if found.name == "average"]
    positions = np.arange(len(drawn), dtype=float)
    positions[len(languages) :] += 0.5
    with figure(path) as (axes,):
        axes.axhline(0, color=INK, linewidth=1)
        for position, found in zip(positions, drawn, strict=True):
            bounds = [100 * bound for bound in found.interval]
            axes.plot([position, position], bounds, color=INK, linewidth=1.2)
            axes.plot(
                position,
                100 * found.difference,
                "o",
                markersize=8,
                markeredgecolor=OURS,
                markerfacecolor=OURS if found.is_significant else "white",
            )
        axes.set_xticks(positions, [found.name for found in drawn])
        if len(drawn) > len(languages):
            axes.get_xticklabels()[-1].set_fontweight("bold")
        axes.set_xlim(positions[0] - 0.6, positions[-1] + 0.6)
        heading(axes, title, "points, 95 % intervals; filled: p below 0.05, by Holm's method")
