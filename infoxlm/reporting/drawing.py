"""The style of all pictures: colours, frame, heading, names at the ends of curves."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from infoxlm.files.atomic import atomic_file

if TYPE_CHECKING:
    from matplotlib.axes import Axes

OURS, PAPER, INK, FAINT = "#1f6feb", "#c9ced6", "#24292f", "#8c959f"
_STYLE: dict[Any, Any] = {
    "font.size": 11,
    "text.parse_math": False,  # a name may hold two dollar signs
    "text.color": INK,
    "axes.edgecolor": FAINT,
    "axes.labelcolor": INK,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "grid.color": "#e6e9ed",
    "xtick.color": INK,
    "ytick.color": FAINT,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
}


@contextmanager
def figure(path: str | Path, panels: int = 1, width: float = 10) -> Iterator[Sequence["Axes"]]:
    """The panels of a styled figure, side by side, which is saved when the block ends.

    Args:
        path: The PNG to write.
        panels: Their number; several share the vertical axis.
        width: Of the whole, in inches.
    """
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with matplotlib.rc_context(_STYLE):
        drawn = Figure(figsize=(width, 4.8), layout="constrained")
        FigureCanvasAgg(drawn)
        yield drawn.subplots(1, panels, sharey=True, squeeze=False)[0]
        with atomic_file(path) as temporary:
            drawn.savefig(temporary, dpi=160)


def heading(axes: "Axes", title: str, unit: str) -> None:
    """Write a title above the axes, and under it what the vertical axis counts."""
    axes.set_title(title, loc="left", weight="bold", pad=28, size=13)
    axes.annotate(
        unit, xy=(0, 1), xycoords="axes fraction", xytext=(0, 10), textcoords="offset points"
    )


def shades_by_rank(values: NDArray[np.float64]) -> list[str]:
    """A colour for each value, from light to dark by rank."""
    from matplotlib import colormaps
    from matplotlib.colors import to_hex

    ranks = np.argsort(np.argsort(values)) / max(1, len(values) - 1)
    return [to_hex(color) for color in colormaps["viridis"](0.75 * (1 - ranks))]


def label_ends(
    axes: "Axes", names: Sequence[str], ends: NDArray[np.float64], shades: Sequence[str]
) -> None:
    """Write each curve's name and last value at its right end, none over another.

    Args:
        axes: The axes with the curves; their vertical limits are set.
        names: Of the curves; the one named "average" is set in bold.
        ends: Their last values.
        shades: Their colours.
    """
    low, high = axes.get_ylim()
    heights = spread(ends, gap=(high - low) / 23, low=low, high=high)
    for name, end, height, shade in zip(names, ends, heights, shades, strict=True):
        axes.annotate(
            f"{name} {end:.1f}",
            xy=(1, end),
            xytext=(1.045, height),
            xycoords=axes.get_yaxis_transform(),
            color=shade,
            weight="bold" if name == "average" else "normal",
            va="center",
            annotation_clip=False,
            arrowprops={
                "arrowstyle": "-",
                "color": shade,
                "linewidth": 0.6,
                "relpos": (0, 0.5),
                "shrinkA": 0,
                "shrinkB": 4,
            },
        )


def spread(
    values: NDArray[np.float64], gap: float, low: float = -np.inf, high: float = np.inf
) -> NDArray[np.float64]:
    """Move values apart until neighbours are `gap` apart, each as little as needed.

    Args:
        values: In any order.
        gap: The least distance.
        low: The least value to come out, as far as there is room.
        high: The greatest value to come out.
    """
    order = np.argsort(values, kind="stable")
    placed = values[order].astype(float)
    for _ in range(500):
        lack = np.maximum(0, gap - np.diff(placed))
        if lack.max(initial=0) < 0.01 * gap:
            break
        placed[:-1] -= lack / 2
        placed[1:] += lack / 2
    steps = gap * np.arange(len(placed))
    placed = np.minimum(np.maximum(placed, low + steps), high - steps[::-1])
    result = np.empty_like(placed)
    result[order] = placed
    return result
