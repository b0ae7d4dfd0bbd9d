import logging
from dataclasses import replace

import numpy as np
import pytest

from infoxlm import InfoXLMForSequenceClassification
from infoxlm.evaluate.predictions import Predictions
from infoxlm.evaluate.scores import Scores
from infoxlm.schema import SelectOn
from infoxlm.tracking.metrics_log import read_metrics

LEARNING_RATE = 2e-2


def dev(english, german):
    """Scores of so many right answers in ten."""
    rows = np.arange(10)
    right = np.concatenate([rows < english, rows < german]).astype(np.float64)
    languages = np.repeat(["en", "de"], 10)
    return Scores.from_predictions(Predictions(languages, np.tile(rows, 2), {"accuracy": right}))


@pytest.fixture
def run(tmp_path, open_trainer, train_config):
    """Trains a tiny model on 24 pairs; scores are given, or those of the model on dev."""

    def train(folder="run", scores=None, **changes):
        with open_trainer(train_config(**changes), tmp_path / folder) as trainer:
            if scores:
                planned = iter(scores)
                trainer.score_dev = lambda model: next(planned)
            state = trainer.train()
        return state, read_metrics(tmp_path / folder / "metrics.jsonl"), tmp_path / folder

    return train


def checkpoints(folder):
    return sorted(path.name for path in (folder / "checkpoints").iterdir())


def losses(metrics):
    return [record["train/loss"] for record in metrics if "train/loss" in record]


def test_24_pairs_are_learned_by_heart(run, inputs, scores_of):
    state, metrics, folder = run(max_steps=120, eval_every=120, log_every=1)
    assert losses(metrics)[0] > 1.0
    assert losses(metrics)[-1] < 0.05
    assert (state.step, state.best_step, state.examples) == (120, 120, 40 * 24)
    assert state.best_dev.main_values["en"] == 1.0
    best = InfoXLMForSequenceClassification.from_pretrained(folder / "checkpoints" / "best")
    again = scores_of(best, inputs.dev)
    assert again == state.best_dev


def test_which_steps_are_logged(run):
    scores = [dev(5, 3), dev(6, 5), dev(6, 4)]
    state, metrics, _ = run(scores=scores, max_steps=5, eval_every=2, log_every=3)
    train = {record["step"]: record for record in metrics if "train/loss" in record}
    assert list(train) == [1, 3, 5]
    assert all(record["train/pairs_per_second"] > 0 for record in train.values())
    assert all(record["train/gradient_norm"] > 0 for record in train.values())
    # Warm-up takes ceil(0.1 * 5) = 1 step, and then four remain.
    rates = [train[step]["train/learning_rate"] / LEARNING_RATE for step in (1, 3, 5)]
    assert rates == pytest.approx([0, 3 / 4, 1 / 4])
    scored = {record["step"]: record for record in metrics if "dev/accuracy/average" in record}
    assert list(scored) == [2, 4, 5]
    del scored[2]["time"]
    assert scored[2] == pytest.approx({
        "step": 2, "dev/accuracy/de": 0.3, "dev/accuracy/en": 0.5, "dev/accuracy/average": 0.4,
        "dev/gap": 0.2,
    })  # fmt: skip
    # Epochs of 10, 10 and 4 pairs.
    assert (state.step, state.examples) == (5, 24 + 20)


@pytest.mark.parametrize(
    ("select_on", "best"), [(SelectOn.dev_average, 4), (SelectOn.dev_en, 6)], ids=lambda x: str(x)
)
def test_the_criterion_decides_which_step_is_the_best(select_on, best, run):
    scores = [dev(4, 4), dev(5, 9), dev(7, 2), dev(7, 6)]
    state, _, folder = run(scores=scores, max_steps=8, select_on=select_on, keep_checkpoints=9)
    assert state.best_step == best
    assert state.best_dev is scores[best // 2 - 1]
    assert state.evals_since_best == (8 - best) // 2
    assert checkpoints(folder) == ["best", "step-2", "step-4", "step-6", "step-8"]
    weights = "checkpoints/{}/model.safetensors"
    assert (folder / weights.format("best")).samefile(folder / weights.format(f"step-{best}"))


def test_patience_ends_training(run):
    scores = [dev(4, 4), dev(6, 6), dev(5, 5), dev(6, 6), dev(9, 9)]
    state, metrics, _ = run(scores=scores, max_steps=20, patience=2)
    assert (state.step, state.best_step) == (8, 4)
    assert max(record["step"] for record in metrics) == 8


def test_checkpoints_between_evaluations(run):
    scores = [dev(5, 5), dev(4, 4)]
    timing = {"max_steps": 8, "eval_every": 4, "save_every": 3}
    _, _, folder = run(scores=scores, keep_checkpoints=9, **timing)
    assert checkpoints(folder) == ["best", *(f"step-{n}" for n in (3, 4, 6, 8))]
    _, _, folder = run("none", scores=scores, keep_checkpoints=0, **timing)
    assert checkpoints(folder) == ["best"]


def test_epochs_without_max_steps(run):
    state, _, _ = run(max_steps=None, epochs=2, eval_every=100)
    assert (state.step, state.examples) == (6, 48)


@pytest.mark.parametrize("active", [True, False])
def test_same_seed_same_bits(active, run):
    def trained(folder, seed):
        changes = {"hardware": {"active_vocabulary": active}, "dropout": 0.1, "log_every": 1}
        _, metrics, folder = run(folder, seed=seed, **changes)
        return losses(metrics), (folder / "checkpoints/step-6/model.safetensors").read_bytes()

    first = trained("first", 1)
    assert trained("second", 1) == first
    assert trained("third", 2)[0] != first[0]


def test_active_vocabulary_changes_only_speed(run, inputs):
    def trained(active):
        _, metrics, folder = run(str(active), hardware={"active_vocabulary": active}, log_every=1)
        best = InfoXLMForSequenceClassification.from_pretrained(folder / "checkpoints" / "step-6")
        return losses(metrics), best.roberta.embeddings.word_embeddings.weight.numpy()

    (expected, plain), (found, active) = trained(False), trained(True)
    assert found == pytest.approx(expected, rel=1e-5)
    unused = np.setdiff1d(np.arange(4, len(plain)), inputs.train[0].token_ids.ids)
    assert len(unused) > 100
    np.testing.assert_array_equal(active[unused], plain[unused])
    start = InfoXLMForSequenceClassification.from_pretrained(inputs.checkpoint)
    before = start.roberta.embeddings.word_embeddings.weight.numpy()
    assert (np.abs(plain[unused]) < np.abs(before[unused])).mean() > 0.99  # they decay


def test_micro_batches_change_only_memory(run):
    def norms(folder, **hardware):
        _, metrics, _ = run(folder, hardware=hardware, log_every=1)
        return [x["train/gradient_norm"] for x in metrics if "train/gradient_norm" in x]

    one_by_one = norms("one", micro_batch_size=1)
    assert norms("all", micro_batch_tokens=10_000) == pytest.approx(one_by_one, rel=1e-4)


def test_gradients_are_clipped_before_the_step(run):
    # Adam does not mind the size of all gradients, but of their parts: so the first step is large
    # enough to see only that the norm that is logged is the one before clipping.
    _, free, _ = run("free", optimizer={"max_grad_norm": None}, log_every=1)
    _, clipped, _ = run("clipped", optimizer={"max_grad_norm": 1e-3}, log_every=1)
    assert clipped[0]["train/gradient_norm"] == free[0]["train/gradient_norm"] > 1e-3
    # With gradients this small epsilon matters, and steps are shorter.
    assert losses(clipped)[0] == losses(free)[0]
    assert losses(clipped)[2] != losses(free)[2]


def test_a_model_that_always_says_the_same_is_told(run, caplog):
    neutral = replace(dev(3, 3), warning="Every prediction is 'neutral'")
    with caplog.at_level(logging.WARNING, "infoxlm"):
        run("good", scores=[dev(5, 9)], max_steps=2)
        assert caplog.messages == []
        run("collapsed", scores=[dev(5, 9), neutral], max_steps=4)
    assert caplog.messages == ["Every prediction is 'neutral'"]


def test_the_start_is_scored_and_is_no_best(run):
    state, metrics, folder = run(
        scores=[dev(9, 9), dev(5, 3), dev(6, 5)], max_steps=4, eval_every=2, eval_at_start=True
    )
    assert state.start == dev(9, 9)
    assert (state.best_step, state.best_dev) == (4, dev(6, 5))
    scored = [record["step"] for record in metrics if "dev/accuracy/average" in record]
    assert scored == [0, 2, 4]
    assert checkpoints(folder) == ["best", "step-4"]
