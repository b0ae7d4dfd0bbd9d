import json
from dataclasses import replace

import numpy as np
import pytest

from infoxlm.errors import UserError
from infoxlm.evaluate.predictions import Predictions
from infoxlm.evaluate.scores import Scores
from infoxlm.train.training_state import STATE_FILE, TrainingState


def scores(*languages):
    """Scores of forty random answers in each language."""
    right = np.random.default_rng(0).random(40 * len(languages)) < 0.5
    predictions = Predictions(
        np.repeat(languages, 40),
        np.tile(np.arange(40), len(languages)),
        {"accuracy": right.astype(np.float64)},
    )
    return Scores.from_predictions(predictions, chance=1 / 3, details={"confusion": {"all": [[7]]}})


@pytest.fixture
def scored():
    """A state in the middle of a run; every value is one that the default is not."""
    return TrainingState(
        step=7,
        last_eval_step=6,
        best_step=4,
        best_dev=scores("en", "de", "sw"),
        evals_since_best=1,
        examples=1787,
        start=scores("en", "de"),
        seconds=0.1 + 0.2,
        learning_rate={"last_epoch": 7, "last_lr": 1.2345678901234567e-05},
        loss_scale={"scale": 32768.0, "incr_count": 12, "use_dynamic_loss_scaling": True},
    )


def test_a_new_state_is_read_as_it_was_written(tmp_path):
    TrainingState().write(tmp_path)
    assert TrainingState.read(tmp_path) == TrainingState()


def test_a_state_is_read_as_it_was_written(scored, tmp_path):
    scored.write(tmp_path)
    read = TrainingState.read(tmp_path)
    assert read == scored
    assert read.best_dev.languages == ("en", "de", "sw")


def test_scores_without_intervals_are_read(scored, tmp_path):
    scored.best_dev = replace(scores("de"), average_interval=None)
    scored.write(tmp_path)
    assert TrainingState.read(tmp_path).best_dev == scored.best_dev


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(UserError, match=rf"{STATE_FILE} is missing.*no run's checkpoint"):
        TrainingState.read(tmp_path)


@pytest.mark.parametrize("text", ["", "{", "[]", "7", "null", "{}", '{"best_dev": 1}'])
def test_a_damaged_file_is_named(text, tmp_path):
    (tmp_path / STATE_FILE).write_text(text)
    with pytest.raises(UserError, match=rf"{STATE_FILE} is damaged"):
        TrainingState.read(tmp_path)


@pytest.mark.parametrize(
    "damage",
    [
        {"unknown": 1},
        {"step": "7"},
        {"step": -1},
        {"seconds": [1]},
        {"pairs": 10**30},
        {"examples": 1},
        {"evals_since_best": "x"},
        {"learning_rate": {"last_lr": [1e-5]}},
        {"loss_scale": 3},
        {"undecayed": None},
        {"best_dev": {}},
        {"best_dev": {"confusion": 3}},
        {"best_dev": {"confusion": {"en": "x"}}},
        {"best_dev": {"accuracy": {"en": 0.5}, "average": 0.5, "average_interval": 3}},
        {"best_dev": {"accuracy": {"en": "x"}, "average": 0.5}},
    ],
    ids=str,
)
def test_damaged_contents_are_an_error(damage, scored, tmp_path):
    scored.write(tmp_path)
    state = json.loads((tmp_path / STATE_FILE).read_text()) | damage
    (tmp_path / STATE_FILE).write_text(json.dumps(state))
    with pytest.raises(UserError, match=rf"{STATE_FILE} is damaged"):
        TrainingState.read(tmp_path)


def test_states_of_before_are_read(scored, tmp_path):
    scored.write(tmp_path)
    state = json.loads((tmp_path / STATE_FILE).read_text())
    for later in ("dev", "undecayed"):
        del state[later]
    for later in ("metric", "chance"):
        del state["best_dev"][later]
    state["best_dev"]["confusion"] = {"all": [[7, 0, 0]] * 3}
    (tmp_path / STATE_FILE).write_text(json.dumps(state))
    read = TrainingState.read(tmp_path)
    assert (read.dev, read.undecayed) == (None, 0.0)
    assert read.best_dev == replace(
        scored.best_dev, details={"confusion": {"all": [[7, 0, 0]] * 3}}
    )
    assert read.step == scored.step


def test_names_in_the_file_are_those_of_before(scored, tmp_path):
    scored.write(tmp_path)
    state = json.loads((tmp_path / STATE_FILE).read_text())
    assert (state["scored_step"], state["scorings_since_best"]) == (6, 1)
    assert not {"last_eval_step", "evals_since_best"} & state.keys()
