"""Every file of a run that was cut short is damaged in turn; then the run is resumed."""

import json
import logging
import re
import shutil
import signal
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from infoxlm.commands import train
from infoxlm.errors import UserError
from infoxlm.runs.run_folder import RESULTS, RUN_RECORD
from infoxlm.stopping import Interrupted
from infoxlm.tracking.metrics_log import MetricsLog, read_metrics

#: Of the best one's step no other folder is kept.
WORDS = (
    "data.eval_languages=[en,sw]", "trainer.max_steps=10", "trainer.save_every=1",
    "trainer.keep_checkpoints=3", "optimizer.weight_decay=0.01", "trainer.resume=auto", "seed=5",
)  # fmt: skip
STOP = 7


def cut(path):
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


def flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 8
    path.write_bytes(content)


DAMAGES = {"cut": cut, "flipped": flip, "removed": Path.unlink}


class Ended(NamedTuple):
    """The end of a resumed run: `outcome` is None when it was refused."""

    outcome: object
    messages: list[str]


@pytest.fixture(autouse=True)
def root(monkeypatch):
    """The root logger without pytest's own file, which would move with the run's."""
    handlers = [x for x in logging.getLogger().handlers if not isinstance(x, logging.FileHandler)]
    monkeypatch.setattr(logging.getLogger(), "handlers", handlers)


def outcome(folder):
    results = json.loads((folder / RESULTS).read_text())
    clock = ("time", "train/pairs_per_second")
    return (
        {key: results[key] for key in ("dev", "test", "best_step", "steps")},
        [
            {key: value for key, value in line.items() if key not in clock}
            for line in read_metrics(folder / "metrics.jsonl")
        ],
        *((folder / x).read_bytes() for x in (
            "predictions.jsonl", "checkpoints/best/model.safetensors",
            "checkpoints/step-10/model.safetensors", "checkpoints/step-10/optimizer.safetensors",
        )),
    )  # fmt: skip


@pytest.fixture(scope="module")
def alone(tiny_config, tmp_path_factory):
    """The outcome of a run that nobody disturbed."""
    folder = tmp_path_factory.mktemp("alone") / "name" / "run"
    train.run(tiny_config(*WORDS), folder)
    return outcome(folder)


@pytest.fixture(scope="module")
def stopped(tiny_config, tmp_path_factory):
    """The folder of a run that was asked to stop in its seventh step."""
    folder = tmp_path_factory.mktemp("stopped") / "name" / "run"
    write = MetricsLog.write

    def watched(self, step, values):
        if step == STOP:
            signal.raise_signal(signal.SIGTERM)
        write(self, step, values)

    with pytest.MonkeyPatch.context() as patch, pytest.raises(Interrupted):
        patch.setattr(sys, "argv", ["infoxlm train", *WORDS])
        patch.setattr(MetricsLog, "write", watched)
        train.run(tiny_config(*WORDS), folder)
    kept = sorted(path.name for path in (folder / "checkpoints").iterdir())
    assert kept == ["best", "step-5", "step-6", "step-7"]
    assert json.loads((folder / "checkpoints/best/training_state.json").read_text())["step"] < 5
    return folder


@pytest.fixture
def resume(stopped, tiny_config, tmp_path, caplog):
    """Copies the stopped run, does something to the copy, resumes it, and says how that ended."""

    def resumed(damage):
        folder = tmp_path / "name" / "run"
        shutil.rmtree(tmp_path / "name", ignore_errors=True)
        shutil.copytree(stopped, folder)
        damage(folder)
        caplog.clear()
        try:
            train.run(tiny_config(*WORDS), folder)
        except UserError as error:
            return Ended(None, [*caplog.messages, str(error)])
        return Ended(outcome(folder), list(caplog.messages))

    return resumed


def files_of(folder):
    return sorted(
        path.relative_to(folder).as_posix() for path in folder.rglob("*.*") if path.is_file()
    )


#: The line on a file that cannot be had again: of the record, which may look like another
#: run's then, that the folder is not free; of the best checkpoint what is best now.
TOLD_OF_RECORD = r".*/name/run holds a.* run (already|whose run.json is missing or damaged)\. "
TOLD_OF_BEST = (
    r".*/name/run/checkpoints/best \(step [1-4]\) is lost: "
    r"(step \d is the best of what is left|what came after step \d is computed again"
    r"|the best is chosen from step \d on)"
)


def judge(name, ended, alone):
    """Describe a wrong end: neither the result of an undamaged run nor one line on the damage."""
    if ended.outcome == alone:
        return None
    refused = ended.outcome is None
    of_record = name == RUN_RECORD and refused
    of_best = name.startswith("checkpoints/best/") and not refused
    pattern = TOLD_OF_RECORD if of_record else TOLD_OF_BEST
    told = [message for message in ended.messages if re.match(pattern, message)]
    if (of_record or of_best) and len(told) == 1:
        return None
    return name, refused, ended.messages


def test_a_lost_record_is_told_with_a_way_on(stopped, resume, tiny_config, tmp_path):
    for damage in DAMAGES.values():
        ended = resume(lambda folder, damage=damage: damage(folder / RUN_RECORD))
        folder = tmp_path / "name" / "run"
        assert ended.outcome is None
        assert f"{folder} holds a" in ended.messages[-1]
        assert "Give another folder with hydra.run.dir=FOLDER" in ended.messages[-1]
        assert any("passed over" in message for message in ended.messages[:-1])
    # The way: another folder, and its weights are there to begin with.
    value = train.run(
        tiny_config(*WORDS, "trainer.max_steps=2", f"model.checkpoint={folder}"),
        tmp_path / "name" / "another",
    )
    assert value is not None


def test_a_lost_best_is_told_and_the_run_ends(stopped, resume, alone):
    ended = resume(lambda folder: flip(folder / "checkpoints/best/model.safetensors"))
    assert ended.outcome is not None
    assert any("is lost: step 6 is the best of what is left" in x for x in ended.messages)
    ended = resume(lambda folder: shutil.rmtree(folder / "checkpoints"))
    assert ended.outcome == alone


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("kind", DAMAGES)
def test_each_file_in_turn(kind, stopped, resume, alone):
    names = files_of(stopped)
    assert len(names) > 30
    found = {}
    for name in names:
        found[name] = resume(lambda folder, name=name: DAMAGES[kind](folder / name))
    assert [x for name in names if (x := judge(name, found[name], alone))] == []
    # Of the newest checkpoints nothing is lost; nor of what is written again.
    for name in names:
        if "/best/" not in name and name != RUN_RECORD:
            assert found[name].outcome == alone, name
