"""A sweep killed without warning at random moments comes to what an undisturbed one comes to."""

import json
import os
import random
import signal
import subprocess
import sys
import time

import pytest

WORDS = [
    "model=tiny",
    "data=sample",
    "data.limit_train=64",
    "data.limit_eval=6",
    "data.max_length=32",
    "trainer.effective_batch_size=16",
    "trainer.max_steps=40",
    "trainer.eval_every=4",
    "trainer.log_every=1",
    "optimizer.learning_rate=3e-3,1e-2",
    "seed=1,2",
]
TIMES = ("time", "train/pairs_per_second")


def start(folder, *words):
    """A sweep in a process group of its own, as a shell starts it."""
    line = [sys.executable, "-m", "infoxlm", "train", "--multirun", *words]
    with open(folder.parent / "log.txt", "ab") as log:
        return subprocess.Popen(line, stdout=log, stderr=log, start_new_session=True)


def outcome(job):
    """Everything of a job that must not depend on how often the sweep was killed."""
    lines = (job / "metrics.jsonl").read_text().splitlines()
    metrics = [{k: v for k, v in json.loads(line).items() if k not in TIMES} for line in lines]
    results = json.loads((job / "results.json").read_text())
    return {
        "metrics": metrics,
        "predictions": (job / "predictions.jsonl").read_bytes(),
        "weights": (job / "checkpoints" / "best" / "model.safetensors").read_bytes(),
        "scores": [results["dev"], results["test"], results["best_step"]],
        "value": json.loads((job / "job.json").read_text())["value"],
    }


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("launcher", ["", "+launcher=joblib", "+launcher=submitit_local"])
def test_killed_sweep_comes_to_the_same(launcher, tmp_path):
    if launcher:
        pytest.importorskip(f"hydra_plugins.hydra_{launcher[10:].split('_')[0]}_launcher")
    words = [*WORDS, launcher] if launcher else WORDS
    alone, killed = tmp_path / "alone", tmp_path / "killed"
    assert start(alone, *WORDS, f"hydra.sweep.dir={alone}").wait() == 0
    moments = random.Random(launcher)
    first = [*words, f"hydra.sweep.dir={killed}"]
    states = []
    for _ in range(4):
        resumed = (killed / "sweep.json").exists()
        process = start(killed, *([f"sweep.resume={killed}"] if resumed else first))
        while process.poll() is None and not (killed / "sweep.json").exists():
            time.sleep(0.05)
        try:
            process.wait(timeout=moments.uniform(2, 9))
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            # Slurm's local executor starts sessions of its own: those jobs live on, and are waited
            # for when the sweep is resumed.
            states.append([(killed / n / "job.json").exists() for n in "0123"])
    assert states, "nothing was killed"
    assert start(killed, f"sweep.resume={killed}").wait() == 0
    for job in "0123":
        assert outcome(killed / job) == outcome(alone / job), job
    assert (killed / "results.csv").read_text() == (alone / "results.csv").read_text()


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_job_whose_process_dies_does_not_take_the_others_along(tmp_path):
    """As when memory runs out: joblib gives up all its workers, the sweep continues without one."""
    pytest.importorskip("hydra_plugins.hydra_joblib_launcher")
    sweep, words = tmp_path / "sweep", [word for word in WORDS if not word.startswith("seed")]
    process = start(sweep, *words, "seed=1,2", "+launcher=joblib", f"hydra.sweep.dir={sweep}")
    killed = set()
    while process.poll() is None:
        time.sleep(0.05)
        try:
            record = json.loads((sweep / "1" / "job.json").read_text())
        except (OSError, ValueError):
            continue
        if record["state"] == "running" and record["process"] not in killed:
            killed.add(record["process"])
            os.kill(record["process"], signal.SIGKILL)
    states = {n: json.loads((sweep / n / "job.json").read_text())["state"] for n in "0123"}
    assert process.returncode == 1
    assert len(killed) == 2
    assert states == {"0": "finished", "1": "failed", "2": "finished", "3": "finished"}
    assert "its process was killed, also when it ran alone" in (tmp_path / "log.txt").read_text()
    assert start(sweep, f"sweep.resume={sweep}").wait() == 0
