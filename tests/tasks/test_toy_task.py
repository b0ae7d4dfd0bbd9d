"""A task that the package knows nothing of trains, resumes, sweeps, reports and is compared."""

import importlib
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from infoxlm.commands import train
from infoxlm.tracking.metrics_log import read_metrics

WORDS = (
    "task.name=overlap", "model=tiny", "model.dropout=0.1", "data=sample", "data.limit_train=49",
    "data.limit_eval=6", "data.eval_languages=[en,de,sw]", "data.max_length=32",
    "optimizer.learning_rate=0.003", "trainer.effective_batch_size=16", "trainer.max_steps=8",
    "trainer.eval_every=4", "trainer.log_every=1",
)  # fmt: skip


@pytest.fixture(autouse=True)
def installed(tmp_path, monkeypatch):
    """The toy task as a package of its own, which names it in its entry points."""
    site = tmp_path / "site"
    described = site / "overlap-1.0.dist-info"
    described.mkdir(parents=True)
    (described / "METADATA").write_text("Metadata-Version: 2.1\nName: overlap\nVersion: 1.0\n")
    (described / "entry_points.txt").write_text("[infoxlm.tasks]\noverlap = overlap_task\n")
    shutil.copy(Path(__file__).with_name("toy_task.py"), site / "overlap_task.py")
    monkeypatch.syspath_prepend(site)
    importlib.invalidate_caches()


def weights(folder):
    return (folder / "checkpoints" / "best" / "model.safetensors").read_bytes()


def losses(folder):
    lines = read_metrics(folder / "metrics.jsonl")
    return [line["train/loss"] for line in lines if "train/loss" in line]


@pytest.fixture
def alone(compose, tmp_path):
    config = compose("train", *WORDS)
    return tmp_path / "alone", train.run(config, tmp_path / "alone")


def test_it_learns_and_reports(alone):
    folder, value = alone
    results = json.loads((folder / "results.json").read_text())
    assert (results["task"], results["task_name"]) == ("train", "overlap")
    assert results["test"]["metric"] == {
        "name": "error", "percent": False, "higher_is_better": False
    }  # fmt: skip
    assert list(results["test"]["error"]) == ["en", "de", "sw"]
    assert (
        results["dev"]["average"]
        == value
        == pytest.approx(np.mean(list(results["dev"]["error"].values())))
    )
    # The fewest mistakes are the best, and the first step had more.
    logged = [x for x in read_metrics(folder / "metrics.jsonl") if "dev/error/average" in x]
    assert min(x["dev/error/average"] for x in logged) == value
    report = (folder / "results.md").read_text()
    assert "error" in report
    for word in ("accuracy", "entailment", "Accuracy", "33.3", "paper"):
        assert word not in report, word
    assert {"results.png", "curves.png"} <= {path.name for path in folder.iterdir()}
    assert (
        json.loads((folder / "checkpoints/best/config.json").read_text())["task_name"] == "overlap"
    )


def test_it_resumes_to_the_bit(alone, compose, tmp_path, train_until_stopped):
    train_until_stopped(compose("train", *WORDS), tmp_path / "stopped")
    resume = f"trainer.resume={tmp_path / 'stopped'}"
    train.run(compose("train", *WORDS, resume), tmp_path / "new")
    assert weights(tmp_path / "stopped") == weights(alone[0])
    assert losses(tmp_path / "stopped") == losses(alone[0])


def test_two_ranks_learn_the_same(compose, tmp_path):
    found = {}
    for ranks in (1, 2):
        folder = tmp_path / str(ranks)
        words = ("model.dropout=0", f"hardware.devices={ranks}", "hardware.threads=1")
        train.run(compose("train", *WORDS, *words), folder)
        found[ranks] = losses(folder)
    np.testing.assert_allclose(found[2], found[1], rtol=1e-5)


def test_it_sweeps_and_runs_are_compared(infoxlm, tmp_path):
    sweep = f"hydra.sweep.dir={tmp_path / 'sweep'}"
    done = infoxlm("train", "--multirun", *WORDS, "seed=1,2", sweep)
    assert done.code == 0, done.err
    report = (tmp_path / "sweep" / "results.md").read_text()
    assert "error" in report
    runs = [str(tmp_path / "sweep" / number) for number in "01"]
    compared = infoxlm("compare", f"run_a={runs[0]}", f"run_b={runs[1]}")
    assert compared.code == 0, compared.err
    assert "accuracy" not in compared.out.lower()
    again = infoxlm("repeat", f"run={runs[0]}")
    assert again.code == 0, again.out + again.err


def test_a_task_that_is_not_there_is_one_line(infoxlm):
    done = infoxlm("train", "task.name=ovrelap", *WORDS[1:])
    assert done.code == 1
    assert "task.name=ovrelap: that task is not installed" in done.err
    assert "overlap" in done.err


def test_what_predicts_no_probabilities_cannot_be_consistent(infoxlm):
    done = infoxlm("train", *WORDS, "consistency=word_dropout")
    assert done.code == 1
    assert "the task gives no probabilities" in done.err
