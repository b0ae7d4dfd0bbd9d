"""The tables of experiments/pretraining, made of runs whose accuracies are known."""

import importlib
import json
import os
import re
import shlex
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from hydra import compose, initialize_config_module
from omegaconf import OmegaConf

from infoxlm.evaluate.predictions import Predictions
from infoxlm.evaluate.scores import Scores
from infoxlm.schema import register_schemas
from infoxlm.tasks.pretraining.scores import RETRIEVAL

EXPERIMENTS = Path(__file__).parents[1] / "experiments"
BLOCKS = 13


@pytest.fixture
def collect(monkeypatch):
    monkeypatch.syspath_prepend(EXPERIMENTS / "pretraining")
    yield importlib.import_module("collect")
    for name in ("collect", "ladder", "resumable"):
        sys.modules.pop(name, None)


def scores(by_block):
    """Scores of two languages; a block's accuracy is that of both, give or take 0.05."""
    predictions = Predictions(
        np.array(["de", "fr"]), np.zeros(2, np.int64), {"retrieval": np.array([0.5, 0.5])}
    )
    figures = {
        f"retrieval_block_{block}": {"de": share - 0.05, "fr": share + 0.05}
        for block, share in enumerate(by_block)
    }
    return Scores.from_predictions(
        predictions, RETRIEVAL, details={"block": 8}, figures=figures
    ).as_dict()


def write(folder, results):
    folder.mkdir(parents=True)
    (folder / "results.json").write_text(json.dumps(results))


def curve(**changed):
    found = [0.3] * BLOCKS
    for name, share in changed.items():
        found[int(name.removeprefix("block"))] = share
    return found


#: The accuracy of FLORES by rung and seed; the contrast raises block 8 alone beyond the seeds.
RUNS = {
    "mlm-1": curve(block8=0.25), "mlm-2": curve(block8=0.35),
    "mlm_tlm-1": curve(block8=0.4), "mlm_tlm-2": curve(block8=0.42),
    "mlm_tlm_xlco-1": curve(block8=0.6, block9=0.33), "mlm_tlm_xlco-2": curve(block8=0.7),
}  # fmt: skip


def main(collect, monkeypatch, runs, out):
    monkeypatch.setattr(sys, "argv", ["collect.py", "--runs", str(runs), "--out", str(out)])
    collect.main()
    return json.loads((out / "ladder.json").read_text()), (out / "ladder.md").read_text()


def test_what_the_contrast_adds(collect, monkeypatch, tmp_path):
    for name, after in RUNS.items():
        write(tmp_path / "pretrain" / name, {"start": scores(curve()), "dev": scores(after)})
    record, text = main(collect, monkeypatch, tmp_path, tmp_path)
    raised = record["raised"]["flores"]
    above = raised["8"]["above"]
    assert above == pytest.approx({"start": 0.35, "mlm": 0.35, "mlm_tlm": 0.24})
    assert raised["8"]["spread"] == pytest.approx(0.1)
    assert [raised[block]["raised"] for block in ("7", "8", "9")] == [False, True, False]
    assert "block 8 +24.0 points to the nearest, + translation LM (seeds" in text
    assert "| 8 | 30.0 | 30.0 (25.0, 35.0) | 41.0 (40.0, 42.0) | 65.0 (60.0, 70.0) |" in text
    assert "| + contrast | 60.0 | 70.0 |" in text
    assert (tmp_path / "ladder.png").stat().st_size > 10_000


def test_one_seed_is_not_judged(collect, monkeypatch, tmp_path):
    for name in ("mlm-1", "mlm_tlm-1", "mlm_tlm_xlco-1", "mlm_tlm_xlco-2"):
        results = {"start": scores(curve()), "dev": scores(RUNS[name])}
        write(tmp_path / "pretrain" / name, results)
    record, text = main(collect, monkeypatch, tmp_path, tmp_path)
    assert record["raised"] == {}
    assert "raised" not in text


def test_tatoeba_and_fine_tuning(collect, monkeypatch, tmp_path):
    def sides(share):
        accuracies = {"en_to_xx": share, "xx_to_en": share / 2}
        return {side: {"accuracy": {"de": found}} for side, found in accuracies.items()}

    found = {"start": 0.1, "mlm_tlm_xlco-1": 0.2, "mlm_tlm_xlco-2": 0.4}
    for name, share in found.items():
        layers = {str(block): sides(share) for block in range(BLOCKS)}
        write(tmp_path / "tatoeba_mean" / name, {"pairs": {"de": 9}, "layers": layers})
    for seed in (1, 2):
        test = {"average": 0.4 + seed / 10, "accuracy": {"en": 0.6, "de": 0.2 + seed / 5}}
        write(tmp_path / "xnli" / f"start-{seed}", {"test": test})
    record, text = main(collect, monkeypatch, tmp_path, tmp_path)
    assert list(record["retrieval"]) == ["tatoeba_mean"]
    assert "| 3 | 7.5 | 22.5 (15.0, 30.0) |" in text
    start = record["xnli"]["start"]
    assert start["averages"] == pytest.approx([0.5, 0.6])
    assert start["languages"] == pytest.approx({"en": 0.6, "de": 0.5})
    assert "| start | 60.0 | 50.0 | 55.0 (50.0, 60.0) |" in text


def test_nothing_finished(collect, monkeypatch, tmp_path):
    with pytest.raises(SystemExit, match="no finished run"):
        main(collect, monkeypatch, tmp_path, tmp_path)


def test_finished_runs_are_left_alone_and_others_resume(collect, monkeypatch, tmp_path):
    resumable = importlib.import_module("resumable")
    lines = []
    status = 0

    def run(line, check):
        lines.append(line[3:])
        return subprocess.CompletedProcess(line, status)

    monkeypatch.setattr(resumable.subprocess, "run", run)
    write(tmp_path / "a", {})
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "run.json").write_text("{}")
    for name in ("a", "b", "c"):
        resumable.finish("pretrain", ["seed=1"], tmp_path / name)
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "run.json").write_text("{}")
    resumable.finish("retrieve", ["layer=all"], tmp_path / "d")
    assert lines == [
        ["pretrain", "seed=1", f"hydra.run.dir={tmp_path / 'b.resumed'}",
         f"trainer.resume={tmp_path / 'b'}"],
        ["pretrain", "seed=1", f"hydra.run.dir={tmp_path / 'c'}"],
        ["retrieve", "layer=all", f"hydra.run.dir={tmp_path / 'd'}"],
    ]  # fmt: skip
    resumable.finish("pretrain", ["seed=1"], tmp_path / "c")
    with pytest.raises(SystemExit, match="begun with other settings"):
        resumable.finish("pretrain", ["seed=2"], tmp_path / "c")
    status = 130  # Ctrl-C
    with pytest.raises(SystemExit, match="130"):
        resumable.finish("pretrain", ["seed=1"], tmp_path / "c")


def test_side_by_side_each_has_its_cores(collect, monkeypatch, tmp_path):
    resumable = importlib.import_module("resumable")
    shares = set()
    both = threading.Barrier(2, timeout=30)

    def run(line, check):
        shares.add(frozenset(os.sched_getaffinity(0)))
        if line[4] in ("seed=0", "seed=1"):
            both.wait()
        time.sleep(0.01)
        return subprocess.CompletedProcess(line, int(line[4] == "seed=3"))

    cores = {0, 1, 2, 3}
    by_thread = threading.local()
    monkeypatch.setattr(resumable.subprocess, "run", run)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: getattr(by_thread, "cores", cores))
    monkeypatch.setattr(os, "sched_setaffinity", lambda _, x: setattr(by_thread, "cores", set(x)))
    commands = [("pretrain", [f"seed={seed}"], tmp_path / str(seed)) for seed in range(50)]
    with pytest.raises(SystemExit, match="1"):
        resumable.finish_all(commands, 2)
    assert shares == {frozenset({0, 2}), frozenset({1, 3})}
    assert (tmp_path / "3.words").exists()
    assert not (tmp_path / "49.words").exists()


@pytest.fixture
def scratch(collect):
    yield importlib.import_module("scratch")
    sys.modules.pop("scratch", None)


def test_what_a_run_from_scratch_logged(scratch, monkeypatch, tmp_path):
    def scored(step, first, second):
        found = {"dev/retrieval/de": first, "dev/retrieval/average": first}
        for block, share in enumerate((first, second)):
            figures = {"de": share, "fr": share / 2, "average": 0.75 * share}
            found |= {f"dev/retrieval_block_{block}/{x}": y for x, y in figures.items()}
        return {"step": step, **found}

    def learned(step, queue, batch):
        return {"step": step, "train/xlco/accuracy": queue, "train/xlco/accuracy_in_batch": batch}

    lines = [scored(0, 0.2, 0.1), learned(1, 0.0, 0.5), learned(2, 1.0, 0.25), scored(2, 0.4, 0.8)]
    (tmp_path / "metrics.jsonl").write_text("".join(json.dumps(x) + "\n" for x in lines))
    (tmp_path / "checkpoints" / "best").mkdir(parents=True)
    (tmp_path / "checkpoints" / "step-2").mkdir()
    found = scratch.curves(tmp_path)
    assert found == {
        "steps": [0, 2],
        "languages": ["de", "fr"],
        "retrieval": [[[0.2, 0.1], [0.1, 0.05]], [[0.4, 0.2], [0.8, 0.4]]],
        "accuracy": [0.0, 1.0],
        "accuracy_in_batch": [0.5, 0.25],
    }
    assert scratch.last_checkpoint(tmp_path).name == "step-2"
    assert "| queue | 100 | 25 | 100 |" in scratch.contrast_table({"queue": found})
    untrained, trained = ((np.array(x), found["languages"]) for x in found["retrieval"])
    tables = {scratch.UNTRAINED: untrained, "queue": trained}
    monkeypatch.setattr(scratch, "BLOCK", 1)
    text = scratch.by_block(tables, "FLORES")
    assert "| 1 | 7.5 | 60.0 |" in text
    assert "| queue | 80.0 | 40.0 |" in text


def test_each_choice_is_one_change(tmp_path):
    """The files of `choice`, composed as the sweep in the README composes them."""
    readme = (EXPERIMENTS / "pretraining" / "README.md").read_text(encoding="utf-8")
    command = re.search(r"infoxlm (pretrain --multirun .*?)\n\n", readme, re.DOTALL)[1]
    words = shlex.split(command.replace("\\\n", " "))
    (choices,) = (word.removeprefix("+choice=") for word in words if word.startswith("+choice="))
    names = choices.split(",")
    assert sorted(names) == sorted(
        x.stem for x in (EXPERIMENTS / "pretraining" / "choice").iterdir()
    )
    search = f"hydra.searchpath=[file://{EXPERIMENTS / 'pretraining'}]"
    typed = [word for word in words[2:] if not word.startswith(("+choice=", "hydra."))]
    register_schemas()
    found = {}
    for name in names:
        with initialize_config_module("infoxlm.conf", version_base="1.3"):
            config = compose("pretrain", [*typed, search, f"+choice={name}"])
        found[name] = OmegaConf.to_container(config.task)
    changed = {
        name: {key: value for key, value in task.items() if value != found["as_it_is"][key]}
        for name, task in found.items()
    }
    assert changed == {
        "as_it_is": {},
        "last_block": {"block": 12, "retrieval_block": 8},
        "no_mixup": {"mixup": False},
        "slow_momentum": {"momentum": 0.9999},
        "cold": {"temperature": 0.005},
        "warm": {"temperature": 0.25},
        "queue": {"queue_size": 4096, "momentum": 0.99},
        "slow_queue": {"queue_size": 4096, "momentum": 0.9999},
        "equal_texts": {"queue_size": 4096, "momentum": 0.9999, "mask_equal_texts": False},
    }
