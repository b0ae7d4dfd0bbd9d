"""results.png and layers.png of a retrieval run."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from infoxlm.reporting.drawing import (
    FAINT,
    INK,
    OURS,
    figure,
    heading,
    label_ends,
    shades_by_rank,
)
from infoxlm.retrieval import comparison
from infoxlm.retrieval.scores import DIRECTIONS

_NAMES = {"en_to_xx": "English to the language", "xx_to_en": "the language to English"}
_COLORS = {"en_to_xx": OURS, "xx_to_en": "#9cc3ff"}


def plot_retrieval(results: Mapping[str, Any], path: Path) -> None:
    """Draw the best layer's accuracy by language, both directions, with the published figures.

    Args:
        results: As `write_retrieval_report` takes them.
        path: The PNG to write.
    """
    *languages, average = comparison.lines(results)
    # The published order of difficulty: the same in every run, so plots can be laid side by side.
    lines = [*sorted(languages, key=lambda line: -sum(line.published or (0,))), average]
    positions = np.arange(len(lines), dtype=float)
    positions[-1] += 0.5
    with figure(path) as (axes,):
        for side, direction in enumerate(DIRECTIONS):
            places = positions + 0.4 * side - 0.2
            scores = 100 * np.array([line.scores[side] for line in lines])
            axes.bar(places, scores, 0.38, color=_COLORS[direction], label=_NAMES[direction])
            bounds = [line.intervals[side] for line in lines if line.intervals is not None]
            axes.errorbar(
                places[:-1], scores[:-1], np.abs(100 * np.array(bounds).T - scores[:-1]),
                fmt="none", ecolor=INK, elinewidth=0.8, capsize=1.5,
            )  # fmt: skip
            known = [place for place, line in zip(places, lines, strict=True) if line.published]
            axes.hlines(
                [100 * line.published[side] for line in lines if line.published],
                np.array(known) - 0.19, np.array(known) + 0.19, color="#cf222e", lw=2, zorder=3,
                label="InfoXLM base, published" if side and known else "_",
            )  # fmt: skip
        axes.set_xticks(positions, [line.name for line in lines])
        axes.get_xticklabels()[-1].set_fontweight("bold")
        axes.set_xlim(positions[0] - 0.6, positions[-1] + 0.6)
        axes.set_ylim(0, 100)
        axes.legend(loc="upper right", ncols=3, frameon=False, bbox_to_anchor=(1, 1.1))
        heading(axes, comparison.title(results), "accuracy in percent")


def plot_layers(results: Mapping[str, Any], path: Path) -> None:
    """Draw every language's accuracy over the layers, a panel a direction.

    Args:
        results: As `write_retrieval_report` takes them, with several layers.
        path: The PNG to write.
    """
    layers = [int(layer) for layer in results["layers"]]
    names = [*results["pairs"], "average"]
    with figure(path, panels=len(DIRECTIONS)) as panels:
        for axes, direction in zip(panels, DIRECTIONS, strict=True):
            scores = [by_direction[direction] for by_direction in results["layers"].values()]
            shares = [[*layer["accuracy"].values(), layer["average"]] for layer in scores]
            curves = 100 * np.array(shares, np.float64)
            shades = [*shades_by_rank(curves[-1, :-1]), INK]
            for column, shade in enumerate(shades):
                width = 3 if names[column] == "average" else 1.2
                axes.plot(layers, curves[:, column], color=shade, lw=width, clip_on=False)
            best = layers[int(curves[:, -1].argmax())]
            axes.axvline(best, color=FAINT, linewidth=1, linestyle=(0, (4, 3)), zorder=0)
            axes.set_ylim(0, 100)
            axes.set_xlim(layers[0], layers[-1])
            axes.set_xticks(layers)
            axes.set_xlabel(f"block (0: embeddings); the average is highest at {best}")
            label_ends(axes, names, curves[-1], shades)
            heading(axes, f"{results['model']}: {_NAMES[direction]}", "accuracy in percent")
