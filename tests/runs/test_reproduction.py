import io
import json

import numpy as np
import pytest
from rich.console import Console

from infoxlm.runs.outcome import Check
from infoxlm.runs.reproduction import Reproduction, terminal_reproduction, write_reproduction

RIGHT = {"en": np.arange(30) % 2 == 0}
SAME = Check("training losses", True, "6 equal")
UNLIKE = Check("predictions", False, "1 of 30 labels differ")


@pytest.fixture
def repetition(make_run):
    facts = ("git", "code", "packages", "python", "platform", "cpu", "memory", "environment")
    told = {key: {} for key in (*facts, "data", "weights")}

    def make(*checks, cores=2, **results):
        first = make_run("first", RIGHT, record=told | {"cpu": {"cores": 2}}, **results)
        second = make_run("second", RIGHT, record=told | {"cpu": {"cores": cores}}, **results)
        return Reproduction(first, second, list(checks))

    return make


def printed(repetition):
    console = Console(file=io.StringIO(), width=80)
    console.print(terminal_reproduction(repetition))
    return console.file.getvalue()


def test_same(repetition):
    same = repetition(SAME, Check("weights", None, "not kept by the run"))
    assert same.is_same
    assert same.verdict == "The same to the bit: training losses."
    text = printed(same)
    assert "Not as in the run\nNothing.\n" in text
    assert [line.split() for line in text.splitlines() if line.startswith("weights")] == [
        ["weights", "–", "not", "kept", "by", "the", "run"]
    ]
    evaluation = repetition(SAME, task="evaluate")
    assert evaluation.verdict == "The same: training losses."


def test_other_result_on_another_machine(repetition, tmp_path):
    other = repetition(SAME, UNLIKE, cores=8)
    assert not other.is_same
    assert other.verdict == "Not the same: of the predictions, 1 of 30 labels differ."
    cells = [line.split() for line in printed(other).splitlines()]
    assert ["cpu", "cores", "2", "8"] in cells
    write_reproduction(other, tmp_path)
    found = json.loads((tmp_path / "repeat.json").read_text())
    assert found["same"] is False
    assert found["run"] == str(other.original.folder)
    assert found["differences"] == {"cpu cores": {"then": 2, "now": 8}}
    assert found["checks"][1] == {
        "part": "predictions", "same": False, "finding": "1 of 30 labels differ",
    }  # fmt: skip
    text = (tmp_path / "repeat.md").read_text()
    assert text.startswith("# first: tiny on sample, repeated\n\n**Not the same: ")
    assert "| cpu cores | 2 | 8 |" in text


def test_other_result_without_a_reason(repetition):
    assert "What is left is the computation itself" in printed(repetition(UNLIKE))
