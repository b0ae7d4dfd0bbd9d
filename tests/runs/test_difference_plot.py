import struct

import pytest
from matplotlib.colors import to_hex

from infoxlm.evaluate.intervals import Interval
from infoxlm.evaluate.paired import PairedFigure, PairedTest
from infoxlm.reporting.drawing import OURS
from infoxlm.runs.difference_plot import plot_differences

FIGURES = [
    PairedFigure("en", 0.7, 0.69, Interval(-0.03, 0.01), PairedTest(0.2, 0.4), True),
    PairedFigure("sw", 0.5, 0.55, Interval(0.02, 0.08), PairedTest(1e-6, 2e-6), True),
    PairedFigure("average", 0.6, 0.62, Interval(0.0, 0.04), PairedTest(0.01)),
    PairedFigure("gap", 0.2, 0.14, Interval(-0.1, 0.0)),
]


def test_differences(tmp_path, drawn):
    plot_differences(FIGURES, tmp_path / "compare.png", "B minus A")
    data = (tmp_path / "compare.png").read_bytes()
    assert struct.unpack(">II", data[16:24]) == (1600, 768)
    (axes,) = drawn[0].axes
    assert axes.get_title(loc="left") == "B minus A"
    assert [label.get_text() for label in axes.get_xticklabels()] == ["sw", "en", "average"]
    zero, *lines = axes.get_lines()
    assert list(zero.get_ydata()) == [0, 0]
    bounds, points = lines[::2], lines[1::2]
    assert [list(x.get_ydata()) for x in bounds] == [[2, 8], [-3, 1], [0, 4]]
    heights = [x.get_ydata()[0] for x in points]
    assert heights == pytest.approx([5, -1, 2])
    fills = [to_hex(x.get_markerfacecolor()) for x in points]
    assert fills == [OURS, "#ffffff", OURS]


def test_one_language(tmp_path, drawn):
    plot_differences(FIGURES[:1], tmp_path / "compare.png", "B minus A")
    (axes,) = drawn[0].axes
    assert [label.get_text() for label in axes.get_xticklabels()] == ["en"]
