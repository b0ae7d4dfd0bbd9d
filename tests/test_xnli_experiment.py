"""The comparison of experiments/xnli_e5_small, of runs whose accuracies are known."""

import importlib
import json
import sys
from pathlib import Path

import numpy as np
import pytest

from infoxlm.data.xnli import LANGUAGES
from infoxlm.errors import UserError

FOLDER = Path(__file__).parents[1] / "experiments" / "xnli_e5_small"


@pytest.fixture
def compare(monkeypatch):
    monkeypatch.syspath_prepend(FOLDER)
    yield importlib.import_module("compare")
    sys.modules.pop("compare")


def write(make_run, shares):
    """A run whose accuracy is the same in every language, for each share of a hundred rows."""
    return [
        str(make_run(name, {x: np.arange(100) < round(100 * share) for x in LANGUAGES}).folder)
        for name, share in shares.items()
    ]


def test_three_seeds_next_to_two(compare, make_run, tmp_path, monkeypatch):
    ours = write(make_run, {"a1": 0.5, "a2": 0.6, "a3": 0.7})
    pytorch = write(make_run, {"b1": 0.52, "b2": 0.6})
    words = ["compare.py", "--ours", *ours, "--pytorch", *pytorch, "--out", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", words)
    compare.main()
    record = json.loads((tmp_path / "comparison.json").read_text())
    seeds = record["over_seeds"]
    assert seeds["difference"] == pytest.approx(0.04)
    # Welch's t: the variances of the means are 0.01 / 3 and 0.0032 / 2, of 2 and 1 degrees.
    parts = np.array([0.01 / 3, 0.0016])
    freedom = parts.sum() ** 2 / (parts**2 / [2, 1]).sum()
    assert freedom == pytest.approx(2.999, abs=0.001)
    width = 3.1829 * np.sqrt(parts.sum())
    assert seeds["interval"] == pytest.approx([0.04 - width, 0.04 + width], abs=1e-4)
    # Student's t of one degree, of differences of -0.02 and 0.
    assert seeds["paired"] == pytest.approx([-0.02, 0])
    width = 12.706 * 0.01
    assert seeds["paired_interval"] == pytest.approx([-0.01 - width, -0.01 + width], abs=1e-4)
    low, high = record["over_rows"]["interval"]
    assert low <= -0.01 <= high
    assert record["over_rows"]["difference"] == pytest.approx(-0.01)
    text = (tmp_path / "comparison.md").read_text()
    assert "3 seeds of ours and 2 of PyTorch: +4.00 points" in text
    assert "| **ours, mean** | 60.0 |" in text
    assert (tmp_path / "comparison.png").stat().st_size > 10_000


def test_a_seed_of_other_rows_is_refused(compare, make_run, tmp_path, monkeypatch):
    ours = write(make_run, {"a1": 0.5, "a2": 0.6})
    odd = make_run("a3", {x: np.arange(50) < 25 for x in LANGUAGES}).folder
    words = ["compare.py", "--ours", *ours, str(odd), "--pytorch", *ours, "--out", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", words)
    with pytest.raises(UserError, match="the runs scored different examples"):
        compare.main()


def test_one_run_is_refused(compare, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["compare.py", "--ours", "a", "--pytorch", "b", "c"])
    with pytest.raises(SystemExit, match="two seeds a side at least"):
        compare.main()
