from dataclasses import replace

import numpy as np
import pytest

from infoxlm.evaluate.predictions import Predictions, write_predictions
from infoxlm.evaluate.scores import Scores
from infoxlm.runs.finished_run import FinishedRun
from infoxlm.runs.outcome import Check, Outcome, compare_outcomes
from infoxlm.tracking.metrics_log import MetricsLog


@pytest.fixture
def outcome():
    predictions = Predictions(
        np.array(["en", "en", "sw"]),
        np.array([0, 1, 0]),
        {"accuracy": np.array([1.0, 0.0, 1.0])},
        {"label": ["a", "b", "a"], "predicted": ["a", "c", "a"], "probabilities": [0.8, 0.5, 0.6]},
    )
    losses = {(step, "train/loss"): 1 / step for step in (1, 2, 3)}
    scores = {(2, "dev/accuracy/en"): 0.5, (2, "dev/accuracy/sw"): 1.0}
    return Outcome(losses, scores, predictions, Scores.from_predictions(predictions), "a" * 64)


def test_reading(tmp_path, outcome):
    with MetricsLog(tmp_path / "metrics.jsonl") as log:
        log.write(1, {"train/loss": 0.1 + 0.2, "train/pairs_per_second": 3.4})
        log.write(2, {"train/loss": float("nan")})
        log.write(2, {"dev/accuracy/en": 0.5, "dev/gap": 0.1})
    write_predictions(tmp_path / "predictions.jsonl", outcome.predictions)
    best = tmp_path / "checkpoints" / "best"
    best.mkdir(parents=True)
    run = FinishedRun(tmp_path, {}, {"task": "train", "test": outcome.scores.as_dict()})
    assert Outcome.of(run).weights is None
    (best / "model.safetensors").write_bytes(b"")
    read = Outcome.of(run)
    assert read.losses == {(1, "train/loss"): 0.1 + 0.2, (2, "train/loss"): None}
    assert read.logged == {(2, "dev/accuracy/en"): 0.5}
    assert read.scores == outcome.scores
    assert read.weights.startswith("e3b0c44298fc")
    assert read.predictions.columns == outcome.predictions.columns


def test_equal(outcome):
    assert compare_outcomes(outcome, outcome) == [
        Check("training losses", True, "3 equal"),
        Check("logged scores", True, "2 equal"),
        Check("predictions", True, "3 equal"),
        Check("best checkpoint's weights", True, "sha256 aaaaaaaaaaaa"),
    ]


def test_losses(outcome):
    # One bit, and then more.
    changed = outcome.losses | {
        (2, "train/loss"): np.nextafter(0.5, 1).item(),
        (3, "train/loss"): 0.25,
    }
    (check, *others) = compare_outcomes(outcome, replace(outcome, losses=changed))
    assert check.same is False
    assert check.finding.startswith(
        "2 of 3 differ, the first at step 2: 0.5 then, 0.5000000000000001 now; by at most 0.083"
    )
    assert all(other.same for other in others)


def test_losses_that_only_one_run_has(outcome):
    shorter = {key: loss for key, loss in outcome.losses.items() if key[0] < 3}
    (check, *_) = compare_outcomes(outcome, replace(outcome, losses=shorter))
    assert check == Check(
        "training losses",
        False,
        "1 of 3 differ, the first at step 3: 0.3333333333333333 then, None now",
    )


def test_predictions(outcome):
    columns = {"predicted": ["a", "b", "a"], "probabilities": [0.79, 0.5, 0.5]}
    changed = replace(
        outcome.predictions,
        values={"accuracy": np.ones(3)},
        columns={**outcome.predictions.columns, **columns},
    )
    scores = Scores.from_predictions(changed)
    now = replace(outcome, predictions=changed, scores=scores, weights="b" * 64)
    *_, predictions, weights = compare_outcomes(outcome, now)
    assert predictions == Check(
        "predictions",
        False,
        "of 3 differ: predicted 1, probabilities 2, accuracy 1; average accuracy 75.00 % then, "
        "100.00 % now",
    )
    assert weights.finding == "sha256 aaaaaaaaaaaa then, bbbbbbbbbbbb now"
    assert weights.same is False


def test_what_was_not_kept(outcome):
    without = replace(outcome, weights=None)
    *_, last = compare_outcomes(without, outcome)
    assert last == Check("best checkpoint's weights", None, "not kept by the run")
    evaluation = replace(without, losses={}, weights=None)
    parts = [check.part for check in compare_outcomes(evaluation, evaluation)]
    assert parts == ["logged scores", "predictions"]
