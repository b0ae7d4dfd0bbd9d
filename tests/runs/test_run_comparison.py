import json
from dataclasses import replace

import numpy as np
import pytest

from infoxlm.errors import UserError
from infoxlm.runs.differences import Difference
from infoxlm.runs.run_comparison import compare_runs

HALF = {language: np.arange(90) % 2 == 0 for language in ("en", "sw")}
BETTER = {"en": HALF["en"], "sw": HALF["sw"] | (np.arange(90) % 3 == 0)}

SCORES = {"accuracy": {"en": 0.5}, "average": 0.5}


def test_comparison(make_run):
    first = make_run("first", HALF, steps=6)
    second = make_run("second", BETTER, {"seed": 7}, {"version": "0.2.0"})
    comparison = compare_runs(first, second)
    assert comparison.settings == [Difference("seed", 42, 7)]
    assert comparison.provenance == [Difference("version", "0.1.0", "0.2.0")]
    assert "packages" in comparison.unrecorded
    assert (comparison.examples, comparison.unlike) == (180, 15)
    assert [figure.name for figure in comparison.languages] == ["en", "sw"]
    assert comparison.overall.name == "average"

    found = json.loads(json.dumps(comparison.as_dict(), allow_nan=False))
    assert found["run_a"]["folder"] == str(first.folder)
    assert (found["run_a"]["steps"], found["run_b"]["experiment"]) == (6, "second")
    assert (found["split"], found["pairs"], found["predicted_differently"]) == ("test", 180, 15)
    assert found["settings"] == {"seed": {"a": 42, "b": 7}}
    assert found["provenance"] == {"version": {"a": "0.1.0", "b": "0.2.0"}}
    swahili, gap = found["accuracy"]["sw"], found["accuracy"]["gap"]
    assert (swahili["a"], swahili["b"]) == (0.5, pytest.approx(60 / 90))
    assert (swahili["only_a"], swahili["only_b"], swahili["p"]) == (0, 15, 2 / 2**15)
    assert swahili["p_holm"] == 2 * swahili["p"]
    assert swahili["difference"] == pytest.approx(15 / 90)
    assert swahili["interval"][0] < 15 / 90 < swahili["interval"][1]
    assert set(gap) == {"a", "b", "difference", "interval"}
    assert "p_holm" not in found["accuracy"]["average"]


def test_one_language(make_run):
    runs = [make_run(name, {"sw": x["sw"]}) for name, x in (("a", HALF), ("b", BETTER))]
    comparison = compare_runs(*runs)
    assert [figure.name for figure in comparison.figures] == ["sw"]
    assert comparison.overall.name == "sw"


def test_runs_that_cannot_be_compared(make_run):
    run = make_run("run", HALF)
    with pytest.raises(UserError, match="run_a and run_b are the same folder .*run. Give two runs"):
        compare_runs(run, replace(run, folder=run.folder / ".." / "run"))
    dev = make_run(
        "dev", HALF, task="evaluate", test=None, dev={"accuracy": {"en": 0.5}, "average": 0.5}
    )
    with pytest.raises(UserError, match=r"run scored test and .*dev dev\..*split=test"):
        compare_runs(run, dev)
    fewer = make_run("fewer", {"en": HALF["en"]})
    with pytest.raises(
        UserError, match="of 180 of the first and 90 of the second, 90 are the same"
    ):
        compare_runs(run, fewer)
