import io
import json
import struct

import numpy as np
import pytest
from matplotlib.colors import to_hex
from rich.console import Console

from infoxlm.data.xnli import LANGUAGES
from infoxlm.evaluate.intervals import Interval
from infoxlm.evaluate.metric import ACCURACY
from infoxlm.evaluate.paired import PairedFigure, PairedTest
from infoxlm.reporting.drawing import OURS
from infoxlm.runs.run_comparison import compare_runs
from infoxlm.runs.run_comparison_report import (
    headline,
    plot_differences,
    terminal_comparison,
    write_comparison,
)

ROWS = np.arange(1000)
TRAIN = {"pairs_per_second": 7.4, "seconds": 2757.0, "peak_rss_mb": 2572.0}


@pytest.fixture
def comparison(make_run):
    """B is better in Thai and Greek, worse in English, the same elsewhere."""
    first = dict.fromkeys(LANGUAGES, ROWS % 5 < 3)
    second = dict(first)
    second["th"] = first["th"] | (ROWS % 10 == 4)
    second["el"] = first["el"] | (ROWS % 20 == 4)
    second["en"] = first["en"] & (ROWS % 50 != 0)
    return compare_runs(
        make_run("first", first, {"data.root": "/a" * 60}, steps=80, train=TRAIN),
        make_run("second", second, {"data.root": "/b" * 60, "seed": 7}, {"version": "0.2.0"}),
    )


def printed(comparison, width):
    console = Console(file=io.StringIO(), width=width)
    console.print(terminal_comparison(comparison))
    return console.file.getvalue()


def test_headline(comparison, make_run):
    text = headline(comparison)
    # 100 + 50 - 20 of 15,000.
    assert text.startswith("B is better than A: +0.9 points (average of 15 languages, 95 % ")
    assert text.endswith("by Holm's method: B better in el th, worse in en.")
    first = make_run("a", {"sw": ROWS % 2 == 0})
    second = make_run("b", {"sw": (ROWS % 2 == 0) ^ (ROWS % 100 < 2)})
    text = headline(compare_runs(first, second))
    assert text.startswith(
        "No difference beyond the choice of test examples: B − A is +0.0 points (sw"
    )
    worse = make_run("c", {"sw": ROWS % 4 == 0})
    assert headline(compare_runs(first, worse)).startswith("B is worse than A: −25.0 points (sw, ")
    same = make_run("d", {"sw": ROWS % 2 == 0})
    assert headline(compare_runs(first, same)) == "A and B predict the same on all 1,000 examples."


@pytest.mark.parametrize("width", [80, 120])
def test_terminal(comparison, width):
    text = printed(comparison, width)
    assert max(len(line) for line in text.splitlines()) <= width
    assert "…" not in text
    cells = {line.split()[0]: line.split() for line in text.splitlines() if line.strip()}
    low, high = next(x.interval for x in comparison.figures if x.name == "th")
    assert cells["th"] == [
        "th", "60.0", "70.0", "+10.0", f"{100 * low:+.1f}", "to", f"{100 * high:+.1f}",
        "0", "100", "<0.001", "<0.001",
    ]  # fmt: skip
    assert cells["en"][:4] == ["en", "60.0", "58.0", "−2.0"]
    assert cells["sw"][-4:] == ["0", "0", "1.000", "1.000"]
    assert cells["average"][-3:-1] == ["20", "150"]
    assert cells["gap"] == ["gap", "0.0", *cells["gap"][2:]]
    assert cells["seed"] == ["seed", "42", "7"]
    assert cells["version"] == ["version", "0.1.0", "0.2.0"]
    assert "Not compared, as not both records tell it: git, code," in text
    assert "training time" in text
    assert "45 min 57 s" in text


def test_files(comparison, tmp_path):
    folder = tmp_path / "comparison"
    write_comparison(comparison, folder)
    text = (folder / "compare.md").read_text()
    assert text.startswith("# first: tiny on sample (A) and second: tiny on sample (B)\n")
    assert f"**{headline(comparison)}**" in text
    assert str(comparison.second.folder) in text
    assert "| seed | 42 | 7 |" in text
    assert "| en | 60.0 | 58.0 | −2.0 |" in text
    assert "| **average** | **60.0** | **60.9** | **+0.9** |" in text
    assert "compare.png" not in text
    assert json.loads((folder / "compare.json").read_text()) == comparison.as_dict()
    (folder / "compare.png").touch()
    write_comparison(comparison, folder)
    assert "](compare.png)" in (folder / "compare.md").read_text()


FIGURES = [
    PairedFigure("en", 0.7, 0.69, Interval(-0.03, 0.01), PairedTest(0.2, 0.4), True),
    PairedFigure("sw", 0.5, 0.55, Interval(0.02, 0.08), PairedTest(1e-6, 2e-6), True),
    PairedFigure("average", 0.6, 0.62, Interval(0.0, 0.04), PairedTest(0.01)),
    PairedFigure("gap", 0.2, 0.14, Interval(-0.1, 0.0)),
]


def test_differences(tmp_path, drawn):
    plot_differences(FIGURES, tmp_path / "compare.png", "B minus A", ACCURACY)
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
    plot_differences(FIGURES[:1], tmp_path / "compare.png", "B minus A", ACCURACY)
    (axes,) = drawn[0].axes
    assert [label.get_text() for label in axes.get_xticklabels()] == ["en"]
