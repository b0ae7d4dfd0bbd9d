"""Files that the version at commit 61c0001 wrote, opened by this one; `make.py` made them."""

import csv
import hashlib
import json
import shutil
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from infoxlm.model.cpu.compiled import compiler

WRITTEN = Path(__file__).parent / "folders"

#: Other processors round otherwise, which dozens of operations and eight steps add up.
CLOSE = {"rtol": 1e-4, "atol": 1e-5}
PAIR = "text=The cat sat on the mat.<sep>It never rained."
DATA = [
    "data=sample", "data.cache_dir=cache", "data.limit_train=48", "data.limit_eval=6",
    "data.eval_languages=[en,de]", "data.max_length=32", "hardware.threads=1",
]  # fmt: skip
#: What the interrupted run was told.
INTERRUPTED = [
    *DATA, "model=checkpoint", "model.checkpoint=torch", "trainer.effective_batch_size=8",
    "optimizer.learning_rate=1e-2", "optimizer.weight_decay=0.01", "trainer.log_every=1",
    "trainer.max_steps=8", "trainer.eval_every=4", "name=interrupted", "seed=7",
]  # fmt: skip


@pytest.fixture
def command(infoxlm):
    """Runs a command line where the folders lie, and checks that it ended well."""
    here = Path.cwd()
    shutil.copytree(WRITTEN, here, dirs_exist_ok=True)
    # The cache has a converted model by place, sizes and times of its source.
    source = here / "torch"
    files = sorted(file for file in source.iterdir() if file.is_file())
    states = [(file.name, file.stat().st_size, file.stat().st_mtime_ns) for file in files]
    digest = hashlib.sha256(repr((str(source.resolve()), states)).encode()).hexdigest()
    (cached,) = (here / "cache" / "models").iterdir()
    cached.rename(cached.with_name(f"torch-{digest[:16]}"))

    def run(*words):
        finished = infoxlm(*words)
        assert finished.code == 0, finished.err
        return finished

    return run


@pytest.fixture(autouse=True)
def dropout_of_before(monkeypatch):
    """What dropout drew then: compiled operations draw other masks."""
    monkeypatch.setenv(compiler.SWITCH, "0")
    compiler.library.cache_clear()
    yield
    compiler.library.cache_clear()


def state_of(folder):
    """The files of a folder with their times; locks left out."""
    files = (file for file in Path(folder).rglob("*") if file.is_file() and "lock" not in file.name)
    return {str(file): file.stat().st_mtime_ns for file in files}


def results_of(folder):
    return json.loads((Path(folder) / "results.json").read_text(encoding="utf-8"))


def lines_of(file):
    return [json.loads(line) for line in Path(file).read_text(encoding="utf-8").splitlines()]


def assert_same_predictions(file, expected):
    found, written = lines_of(file), lines_of(expected)
    assert len(found) == len(written) > 0
    for line, before in zip(found, written, strict=True):
        for key in ("language", "row", "label", "predicted"):
            assert line[key] == before[key]
        np.testing.assert_allclose(line["probabilities"], before["probabilities"], **CLOSE)


def assert_same_training(file, expected):
    found, written = ([x for x in lines_of(y) if "train/loss" in x] for y in (file, expected))
    assert [line["step"] for line in found] == [line["step"] for line in written]
    for key in ("train/loss", "train/learning_rate", "train/gradient_norm"):
        np.testing.assert_allclose([x[key] for x in found], [x[key] for x in written], **CLOSE)


def test_a_run_is_evaluated(command):
    command("evaluate", *DATA, "model.checkpoint=finished", "split=test", "hydra.run.dir=after")
    found, before = results_of("after"), results_of("evaluated")
    assert found["test"].items() >= before["test"].items()
    assert_same_predictions("after/predictions.jsonl", "evaluated/predictions.jsonl")


@pytest.mark.parametrize("folder", ["finished", "exported", "exported_onnx"])
def test_a_run_and_exported_folders_predict(command, folder):
    if folder == "exported_onnx":
        pytest.importorskip("onnxruntime")
    words = ["runtime=onnx"] if folder == "exported_onnx" else []
    command("predict", f"model.checkpoint={folder}", PAIR, "output=after.jsonl", *words)
    (found,), (before,) = lines_of("after.jsonl"), lines_of("expected/predicted.jsonl")
    assert found.keys() >= before.keys()
    assert found["label"] == before["label"]
    for label, probability in before["probabilities"].items():
        assert found["probabilities"][label] == pytest.approx(probability, rel=1e-4)


def test_a_run_is_exported(command):
    command("export", "model.checkpoint=finished", "target=after")
    command("predict", "model.checkpoint=after", PAIR, "output=after.jsonl")
    (found,), (before,) = lines_of("after.jsonl"), lines_of("expected/predicted.jsonl")
    assert found["label"] == before["label"]


def test_an_interrupted_run_is_resumed_from_the_cache_as_the_version_before_resumed_it(command):
    cached = state_of("cache")
    words = [*INTERRUPTED, "hydra.run.dir=after", "trainer.resume=interrupted"]
    command("train", *words)
    # Nothing was converted, and no training text tokenized again. Those that are scored have an
    # array more than then.
    assert cached.items() <= state_of("cache").items()
    assert_same_training("interrupted/metrics.jsonl", "expected/resumed_metrics.jsonl")
    assert_same_predictions("interrupted/predictions.jsonl", "expected/resumed_predictions.jsonl")
    found = load_file("interrupted/checkpoints/step-8/model.safetensors")
    before = load_file("expected/model.safetensors")
    assert found.keys() == before.keys()
    for name in before:
        if not name.endswith(
            "self.key.bias"
        ):  # its gradient is rounding, which Adam makes steps of
            np.testing.assert_allclose(found[name], before[name], err_msg=name, **CLOSE)
    assert len(json.loads(Path("interrupted/run.json").read_text())["resumed"]) == 1


def test_the_newest_unfinished_run_is_found(command):
    runs = Path("outputs/train/interrupted")
    runs.mkdir(parents=True)
    shutil.move("interrupted", runs / "2026-01-01_00-00-00")
    command("train", *INTERRUPTED, "trainer.resume=auto")
    assert results_of(runs / "2026-01-01_00-00-00")["steps"] == 8


def test_a_sweep_is_resumed_and_reported(command):
    before = results_of("sweep/1")
    shutil.rmtree("sweep/1")
    kept = state_of("sweep/0")
    command("train", "--multirun", "sweep.resume=sweep", "data.cache_dir=cache")
    assert results_of("sweep/1")["test"].items() >= before["test"].items()
    left = {"checkpoints", "metrics.jsonl", "predictions.jsonl", "results.json", "run.json"}
    assert {x: t for x, t in state_of("sweep/0").items() if Path(x).parts[2] in left} == {
        x: t for x, t in kept.items() if Path(x).parts[2] in left
    }
    written = Path("sweep/results.csv")
    table = written.read_text(encoding="utf-8")
    before = (WRITTEN / "sweep" / "results.csv").read_text(encoding="utf-8")
    for found, row in zip(*map(csv.DictReader, (StringIO(table), StringIO(before))), strict=True):
        assert found.items() >= row.items()
    written.unlink()
    command("report", "sweep=sweep")
    assert written.read_text(encoding="utf-8") == table


def test_runs_are_compared(command):
    command("compare", "run_a=finished", "run_b=sweep/1", "hydra.run.dir=after")
    compared = json.loads(Path("after/compare.json").read_text(encoding="utf-8"))
    assert "seed" in json.dumps(compared)
    assert Path("after/compare.md").is_file()


def test_a_run_is_repeated(command):
    words = ["run=finished", "checkpoint=torch", "cache_dir=cache", "hydra.run.dir=after"]
    cached = state_of("cache")
    command("repeat", *words)
    assert cached.items() <= state_of("cache").items()
    repeated = json.loads(Path("after/repeat.json").read_text(encoding="utf-8"))
    assert {check["part"] for check in repeated["checks"]} >= {"training losses", "predictions"}
    assert_same_training("after/metrics.jsonl", "finished/metrics.jsonl")
    assert_same_predictions("after/predictions.jsonl", "finished/predictions.jsonl")


def test_a_run_is_trained_further(command):
    words = [x for x in INTERRUPTED if not x.startswith("model.checkpoint")]
    command("train", *words, "model.checkpoint=finished", "hydra.run.dir=after")
    assert results_of("after")["steps"] == 8
