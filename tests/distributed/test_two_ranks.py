"""Two processes train what one trains, and what ends one of them ends the run in good order."""

import json
import shlex
import signal
import subprocess
import sys
import time

import numpy as np
import psutil
import pytest

from infoxlm.commands import train
from infoxlm.evaluate.predictions import read_predictions
from infoxlm.tracking.metrics_log import read_metrics

#: Windows of 16, 16, 16 and 1 pairs: in every fourth step one of two ranks has no rows.
WORDS = (
    "model=tiny", "model.dropout=0", "data=sample", "data.limit_train=49", "data.limit_eval=6",
    "data.eval_languages=[en,de,sw]", "data.max_length=32", "optimizer.learning_rate=0.003",
    "trainer.effective_batch_size=16", "trainer.max_steps=20", "trainer.eval_every=10",
    "trainer.log_every=1", "trainer.keep_checkpoints=1",
)  # fmt: skip
#: So many steps that a run of them can be disturbed.
STEPS = 120
LONG = (*WORDS, f"trainer.max_steps={STEPS}", "trainer.eval_every=1000")
CLOSE = {"rtol": 1e-5, "atol": 1e-7}


@pytest.fixture(scope="module")
def runs(compose, tmp_path_factory):
    """The folders of the same run on one process and on two, and what they returned."""
    folder = tmp_path_factory.mktemp("ranks")
    found = {}
    for devices in (1, 2):
        config = compose("train", *WORDS, f"hardware.devices={devices}", "hardware.threads=1")
        found[devices] = folder / str(devices), train.run(config, folder / str(devices))
    return found


def logged(folder, name):
    return [line[name] for line in read_metrics(folder / "metrics.jsonl") if name in line]


def logits(folder):
    import paddle

    from infoxlm import InfoXLMForSequenceClassification

    model = InfoXLMForSequenceClassification.from_pretrained(folder / "checkpoints" / "step-20")
    ids = np.random.default_rng(0).integers(4, 1000, (16, 24))
    with paddle.no_grad():
        return model(paddle.to_tensor(ids)).logits.numpy()


def test_two_ranks_give_what_one_process_gives(runs):
    (one, value), (two, value_of_two) = runs[1], runs[2]
    losses = logged(one, "train/loss")
    assert len(losses) == 20
    assert len({round(x, 6) for x in losses}) > 15
    for name in ("train/loss", "train/gradient_norm", "dev/accuracy/average"):
        np.testing.assert_allclose(logged(two, name), logged(one, name), rtol=1e-5)
    assert value_of_two == value
    np.testing.assert_allclose(logits(two), logits(one), **CLOSE)
    expected, found = (read_predictions(run / "predictions.jsonl") for run in (one, two))
    np.testing.assert_array_equal(found.rows, expected.rows)
    one, other = (each.columns["probabilities"] for each in (found, expected))
    np.testing.assert_allclose(one, other, rtol=1e-5)


def test_what_is_written_is_what_one_process_writes(runs):
    def files(folder):
        return {str(x.relative_to(folder)) for x in folder.rglob("*") if x.is_file()}

    assert files(runs[2][0]) == files(runs[1][0])
    results = [json.loads((runs[n][0] / "results.json").read_text()) for n in (1, 2)]
    assert [x["train"]["devices"] for x in results] == [1, 2]
    assert [x["train"]["pairs"] for x in results] == [5 * 49, 5 * 49]
    assert results[0]["test"] == results[1]["test"]


def start(*words):
    line = [sys.executable, "-m", "infoxlm", "train", *words]
    return subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def ranks_of(process, folder, steps=3):
    """The processes of a run's ranks, once it has taken some steps."""
    log = folder / "metrics.jsonl"
    while process.poll() is None and (not log.exists() or log.read_text().count("\n") < steps):
        time.sleep(0.02)
    children = psutil.Process(process.pid).children()
    return [x for x in children if "spawn_main" in " ".join(x.cmdline())]


def ended(process, ranks):
    """Return the lines of a run's output, once nothing of it is left."""
    _, said = process.communicate(timeout=60)
    psutil.wait_procs(ranks, timeout=10)
    assert not [x for x in ranks if x.is_running() and x.status() != psutil.STATUS_ZOMBIE]
    assert "Traceback" not in said
    assert "leaked" not in said  # as Python warns of semaphores that a rank left behind
    return [line for line in said.splitlines() if line.startswith("infoxlm: ")]


def step_saved(folder):
    (state,) = folder.glob("checkpoints/step-*/training_state.json")
    return json.loads(state.read_text())["step"]


def test_a_rank_that_dies_ends_the_run_which_goes_on_with_one(compose, tmp_path):
    """Killed while two train and resumed by one: as if one had trained all along."""
    folder = tmp_path / "run"
    process = start(*LONG, "hardware.devices=2", f"hydra.run.dir={folder}")
    ranks = ranks_of(process, folder)
    ranks[1].kill()
    (line,) = ended(process, ranks)
    assert process.returncode == 1
    told, _, command = line.partition(". Resume with: ")
    assert told == "infoxlm: error: rank 1 was killed by SIGKILL"
    assert step_saved(folder) == len(logged(folder, "train/loss")) >= 3
    assert shlex.split(command)[-1] == f"trainer.resume={folder}"

    config = compose("train", *LONG, f"trainer.resume={folder}")
    train.run(config, tmp_path / "unused")
    train.run(compose("train", *LONG), tmp_path / "alone")
    found, expected = (logged(x, "train/loss") for x in (folder, tmp_path / "alone"))
    assert len(found) == len(expected) == STEPS
    # Rounding that differs grows as training goes on.
    np.testing.assert_allclose(found, expected, rtol=1e-3)


def test_ctrl_c_stops_all_ranks_at_the_same_step(tmp_path):
    folder = tmp_path / "run"
    process = start(*LONG, "hardware.devices=2", f"hydra.run.dir={folder}")
    ranks = ranks_of(process, folder)
    process.send_signal(signal.SIGINT)
    stopping, line = ended(process, ranks)
    assert process.returncode == 130
    assert "stopping after this step" in stopping
    step = step_saved(folder)
    assert line.startswith(f"infoxlm: stopped and saved after step {step}. Resume with: infoxlm ")
    assert len(logged(folder, "train/loss")) == step < STEPS


def test_a_mistake_is_told_once(tmp_path):
    process = start(*WORDS, "hardware.devices=2", f"data.root={tmp_path / 'nowhere'}")
    (line,) = ended(process, [])
    assert process.returncode == 1
    assert "nowhere" in line
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_rank_0_dies(tmp_path):
    folder = tmp_path / "run"
    process = start(*LONG, "trainer.save_every=2", "hardware.devices=2", f"hydra.run.dir={folder}")
    ranks = ranks_of(process, folder, steps=5)
    ranks[0].kill()
    (line,) = ended(process, ranks)
    assert process.returncode == 1
    assert line.startswith("infoxlm: error: rank 0 was killed by SIGKILL. Resume with: infoxlm ")
    assert step_saved(folder) >= 2


@pytest.mark.slow
def test_no_rank_outlives_the_process_that_started_it(tmp_path):
    folder = tmp_path / "run"
    process = start(*LONG, "hardware.devices=2", f"hydra.run.dir={folder}")
    ranks = ranks_of(process, folder)
    process.kill()
    assert ended(process, ranks) == []


@pytest.mark.slow
def test_ranks_that_paddle_launches(runs, tmp_path):
    """As on several machines: the launcher is Paddle's, each rank reads the command line."""
    folder = tmp_path / "run"
    line = [
        sys.executable, "-m", "paddle.distributed.launch", "--nproc_per_node=2",
        f"--log_dir={tmp_path / 'log'}", __file__, "train", *WORDS, f"hydra.run.dir={folder}",
    ]  # fmt: skip
    done = subprocess.run(line, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert {x.name for x in tmp_path.iterdir()} == {"run", "log"}
    expected = logged(runs[1][0], "train/loss")
    np.testing.assert_allclose(logged(folder, "train/loss"), expected, rtol=1e-5)


if __name__ == "__main__":  # what Paddle launches
    from infoxlm.cli.entry import main

    main()
