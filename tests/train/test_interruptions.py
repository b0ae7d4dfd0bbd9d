"""Runs that are stopped from outside, over the command line."""

import importlib.util
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from infoxlm.sweep.job_record import JobState, read_job

SCRIPT = Path(__file__).parents[1] / "kill_and_resume.py"
WORDS = [
    "model=tiny", "data=sample", "data.eval_languages=[en,sw]", "data.limit_eval=20",
    "optimizer.learning_rate=1e-3", "optimizer.weight_decay=0.001",
    "trainer.effective_batch_size=64", "trainer.max_steps=60", "trainer.eval_every=7",
    "trainer.save_every=2", "trainer.log_every=1", "trainer.keep_checkpoints=2",
]  # fmt: skip


@pytest.fixture(scope="module")
def script():
    """The script's functions."""
    spec = importlib.util.spec_from_file_location("kill_and_resume", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def alone(script, tmp_path_factory):
    """The folder of a run that nobody disturbed, and its outcome."""
    folder = tmp_path_factory.mktemp("alone") / "run"
    assert script.start(folder, WORDS).wait() == 0
    return folder, script.outcome(folder)


def steps_logged(folder):
    log = folder / "metrics.jsonl"
    return log.read_text().count("train/loss") if log.exists() else 0


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGUSR1, 138)])
def test_a_run_that_is_asked_to_stop_says_how_to_resume(number, code, script, alone, tmp_path):
    folder, words = tmp_path / "run", [*WORDS, f"hydra.run.dir={tmp_path / 'run'}"]
    process = subprocess.Popen(
        [*script.COMMAND, *words], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
    )
    while steps_logged(folder) < 5 and process.poll() is None:
        time.sleep(0.005)
    process.send_signal(number)
    _, log = process.communicate(timeout=60)
    assert process.returncode == code, log
    assert "Traceback" not in log
    saved, _, command = log.strip().splitlines()[-1].partition(". Resume with: infoxlm train ")
    step = int(saved.removeprefix("infoxlm: stopped and saved after step "))
    assert 5 <= step < 60
    state = json.loads((folder / f"checkpoints/step-{step}/training_state.json").read_text())
    assert state["step"] == step
    assert steps_logged(folder) == step

    again = subprocess.run(
        [*script.COMMAND, *shlex.split(command)], capture_output=True, text=True, cwd=tmp_path
    )
    assert again.returncode == 0, again.stderr
    assert f"Resuming {folder} after step {step}" in again.stderr
    assert not (tmp_path / "outputs").exists()  # no folder of its own for resuming
    expected = alone[1]
    got = script.outcome(folder)
    assert [name for name in expected if got[name] != expected[name]] == []


@pytest.mark.slow
def test_twenty_kills_change_nothing(tmp_path):
    done = subprocess.run(
        [sys.executable, SCRIPT, "--out", tmp_path, "--kills", "20", *WORDS[:-5],
         "trainer.max_steps=200", "trainer.eval_every=20", "trainer.save_every=1",
         "trainer.log_every=1", "trainer.keep_checkpoints=2"],
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "20 kills; different: nothing" in done.stdout


@pytest.mark.slow
def test_twenty_kills_change_nothing_of_a_pre_training(tmp_path):
    done = subprocess.run(
        [sys.executable, SCRIPT, "--out", tmp_path, "--kills", "20", "--command", "pretrain",
         "experiment=pretraining_demo", "model=tiny", "model.checkpoint=null", "task.block=2",
         "task.queue_size=256", "trainer.max_steps=100", "trainer.eval_every=20",
         "trainer.save_every=1", "trainer.log_every=1", "hardware.threads=1"],
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "20 kills; different: nothing" in done.stdout


def test_two_runs_at_once_keep_apart(script, tmp_path):
    words = [*WORDS, "trainer.max_steps=2", f"data.cache_dir={tmp_path / 'cache'}"]
    here = {"cwd": tmp_path, "stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, "text": True}
    both = [subprocess.Popen([*script.COMMAND, *words], **here) for _ in range(2)]
    errors = [process.communicate(timeout=120)[1] for process in both]
    assert [process.returncode for process in both] == [0, 0], errors
    runs = sorted((tmp_path / "outputs/train/default").iterdir())
    assert len(runs) == 2
    first, second = (script.outcome(run) for run in runs)
    assert first == second


def test_two_runs_in_one_folder_are_refused(script, tmp_path):
    words = [*WORDS, "trainer.max_steps=2", f"hydra.run.dir={tmp_path / 'run'}"]
    both = [
        subprocess.Popen([*script.COMMAND, *words], stderr=subprocess.PIPE, text=True, cwd=tmp_path)
        for _ in range(2)
    ]
    errors = [process.communicate(timeout=120)[1] for process in both]
    assert sorted(process.returncode for process in both) == [0, 1], errors
    (refused,) = [error for process, error in zip(both, errors, strict=True) if process.returncode]
    assert "another process is at work in" in refused or "run already" in refused
    assert script.outcome(tmp_path / "run")["results.json"]["steps"] == 2


def test_ctrl_c_twice_ends_a_sweep_at_once(script, tmp_path):
    """Most of a step is its backward pass, where Paddle would take the second for an OSError."""
    sweep = tmp_path / "sweep"
    words = [*WORDS, "trainer.effective_batch_size=600", "seed=1,2", f"hydra.sweep.dir={sweep}"]
    process = subprocess.Popen(
        [*script.COMMAND, "--multirun", *words],
        stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    # Behind an odd step no checkpoint is saved: both signals meet the next step.
    while steps_logged(sweep / "0") < 3 and process.poll() is None:
        time.sleep(0.005)
    for _ in range(2):
        process.send_signal(signal.SIGINT)
        time.sleep(0.02)
    _, log = process.communicate(timeout=60)
    assert process.returncode == 130, log
    assert "Traceback" not in log
    assert log.strip().splitlines()[-1].startswith("infoxlm: stopped. Resume with: infoxlm train")
    assert read_job(sweep / "0").state is JobState.cut
    assert not (sweep / "1").exists()


def test_warned_job_is_queued_again_and_resumes(script, alone, tmp_path):
    """With submitit itself, which is told by SIGUSR2 as by Slurm's warning of a limit."""
    pytest.importorskip("hydra_plugins.hydra_submitit_launcher")
    sweep = tmp_path / "sweep"
    words = ["+launcher=submitit_local", *WORDS, "seed=42", f"hydra.sweep.dir={sweep}"]
    process = subprocess.Popen(
        [*script.COMMAND, "--multirun", *words], stderr=subprocess.PIPE, text=True
    )
    while steps_logged(sweep / "0") < 5 and process.poll() is None:
        time.sleep(0.005)
    first = json.loads((sweep / "0" / "job.json").read_text())["process"]
    os.kill(first, signal.SIGUSR2)
    _, log = process.communicate(timeout=300)
    assert process.returncode == 0, log
    record = read_job(sweep / "0")
    assert record.state is JobState.finished
    assert record.process != first
    (out,) = sweep.glob(".submitit/*/*_log.out")
    assert "Requeued job" in out.read_text()
    assert "stopping after this step" in (sweep / "0" / "terminal.txt").read_text()
    (resumed,) = re.findall(r"Resuming .* after step (\d+)", (sweep / "0/train.log").read_text())
    assert int(resumed) >= 5
    expected = alone[1]
    got = script.outcome(sweep / "0")
    assert [name for name in expected if got[name] != expected[name]] == []
