import json

import pytest

from infoxlm.commands import compare, evaluate, train
from infoxlm.errors import UserError

FEW = ("data.eval_languages=[en,de]", "trainer.max_steps=2")


def test_two_training_runs(trained, tiny_config, compose, tmp_path, capsys):
    train.run(tiny_config("seed=7", "name=other"), tmp_path / "other")
    capsys.readouterr()
    config = compose("compare", f"run_a={trained.folder}", f"run_b={tmp_path / 'other'}")
    compare.run(config, tmp_path / "comparison")
    found = json.loads((tmp_path / "comparison" / "compare.json").read_text())
    assert found["settings"] == {
        "name": {"a": "example", "b": "other"},
        "seed": {"a": 42, "b": 7},
    }
    assert found["provenance"] == {}
    assert found["not_told_by_both"] == []
    assert found["pairs"] == 6 * 15
    for run, folder in (("a", trained.folder), ("b", tmp_path / "other")):
        scores = json.loads((folder / "results.json").read_text())["test"]
        accuracy = {name: figure[run] for name, figure in found["accuracy"].items()}
        assert accuracy.pop("average") == pytest.approx(scores["average"])
        assert accuracy.pop("others") == pytest.approx(scores["others"])
        assert accuracy.pop("gap") == pytest.approx(scores["gap"])
        assert accuracy == pytest.approx(scores["accuracy"])
    shown = capsys.readouterr().out
    assert "Test accuracy" in shown
    assert "compare.md" in shown
    assert (tmp_path / "comparison" / "compare.png").read_bytes().startswith(b"\x89PNG")


def test_a_training_run_and_its_evaluation(trained, compose, tmp_path, capsys):
    config = compose(
        "evaluate", f"model.checkpoint={trained.folder}", "data=sample", "data.limit_eval=6"
    )
    evaluate.run(config, tmp_path / "scored")
    config = compose("compare", f"run_a={trained.folder}", f"run_b={tmp_path / 'scored'}")
    compare.run(config, tmp_path / "comparison")
    assert "A and B predict the same on all 90 examples." in capsys.readouterr().out
    found = json.loads((tmp_path / "comparison" / "compare.json").read_text())
    assert "trainer.max_steps" not in found["settings"]
    assert found["settings"]["model.checkpoint"]["a"] == "null"
    assert found["provenance"] == {}


def test_nothing_is_written_when_runs_cannot_be_compared(trained, compose, tmp_path):
    config = compose("compare", f"run_a={trained.folder}", f"run_b={trained.folder}")
    with pytest.raises(UserError, match="the same folder"):
        compare.run(config, tmp_path / "comparison")
    assert not (tmp_path / "comparison").exists()
