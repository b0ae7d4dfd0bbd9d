"""Training in bfloat16 is as exact as in float32: resumed, on two ranks, in any micro-batches."""

import numpy as np
import pytest

from infoxlm.commands import train
from infoxlm.tracking.metrics_log import read_metrics

WORDS = (
    "model=tiny", "data=sample", "data.limit_train=48", "data.limit_eval=6",
    "data.eval_languages=[en,de,sw]", "data.max_length=32", "optimizer.learning_rate=0.003",
    "trainer.effective_batch_size=16", "trainer.max_steps=8", "trainer.eval_every=4",
    "trainer.log_every=1", "trainer.keep_checkpoints=1", "hardware=cpu_bf16",
)  # fmt: skip


@pytest.fixture(scope="module")
def run(compose, tmp_path_factory):
    """Trains in a folder of its own, with other settings or resuming one."""

    def trained(*words, name):
        folder = tmp_path_factory.mktemp(name) / "run"
        train.run(compose("train", *WORDS, *words), folder)
        return folder

    return trained


@pytest.fixture(scope="module")
def alone(run):
    return run(name="alone")


def weights(folder):
    return (folder / "checkpoints" / "best" / "model.safetensors").read_bytes()


def losses(folder):
    lines = read_metrics(folder / "metrics.jsonl")
    return [line["train/loss"] for line in lines if "train/loss" in line]


def test_the_same_bits_again(run, alone):
    again = run(name="again")
    assert weights(again) == weights(alone)
    assert losses(again) == losses(alone)
    in_fp32 = run("hardware.amp=none", name="fp32")
    assert losses(in_fp32) != losses(alone)
    np.testing.assert_allclose(losses(in_fp32), losses(alone), rtol=0.02)


def test_a_stop_changes_no_bit(compose, alone, tmp_path, train_until_stopped):
    train_until_stopped(compose("train", *WORDS), tmp_path / "run")
    assert 0 < len(losses(tmp_path / "run")) < len(losses(alone))
    train.run(compose("train", *WORDS, f"trainer.resume={tmp_path / 'run'}"), tmp_path / "unused")
    assert losses(tmp_path / "run") == losses(alone)
    assert weights(tmp_path / "run") == weights(alone)


def test_neither_ranks_nor_micro_batches_matter(run):
    """Each product's sums are float32, and a row's do not depend on other rows."""
    without = "model.dropout=0"
    one = losses(run(without, "hardware.threads=1", name="one"))
    for other in ("hardware.devices=2", "hardware.micro_batch_tokens=100"):
        found = losses(run(without, "hardware.threads=1", other, name="other"))
        np.testing.assert_allclose(found, one, rtol=1e-5)
