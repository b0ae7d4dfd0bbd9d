import json

import numpy as np
import pytest

from infoxlm.errors import UserError
from infoxlm.evaluate.metrics import SplitScores
from infoxlm.train.training_state import STATE_FILE, TrainingState


@pytest.fixture
def scored():
    """A state in the middle of a run; every value is one that the default is not."""
    generator = np.random.default_rng(0)
    labels = {language: generator.integers(0, 3, 40) for language in ("en", "de", "sw")}
    predicted = {language: generator.integers(0, 3, 40) for language in labels}
    return TrainingState(
        step=7,
        scored_step=6,
        best_step=4,
        best_dev=SplitScores.from_predictions(
            labels, predicted, dict.fromkeys(labels, np.arange(40))
        ),
        scorings_since_best=1,
        pairs=1787,
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
    assert vars(read) | {"best_dev": None} == vars(scored) | {"best_dev": None}
    assert read.best_dev.as_dict() == scored.best_dev.as_dict()
    assert read.best_dev.average_interval == scored.best_dev.average_interval is not None
    assert list(read.best_dev.confusion) == ["de", "en", "sw"]
    for language, counts in scored.best_dev.confusion.items():
        np.testing.assert_array_equal(read.best_dev.confusion[language], counts)


def test_scores_without_rows_have_no_intervals_before_and_after(scored, tmp_path):
    scored.best_dev = SplitScores({"de": scored.best_dev.confusion["de"]})
    scored.write(tmp_path)
    read = TrainingState.read(tmp_path).best_dev
    assert (read.average_interval, read.others_interval, read.gap) == (None, None, None)
    assert read.average == scored.best_dev.average


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
        {"learning_rate": {"last_lr": [1e-5]}},
        {"loss_scale": 3},
        {"undecayed": None},
        {"best_dev": {}},
        {"best_dev": {"confusion": 3}},
        {"best_dev": {"confusion": {"en": "x"}}},
        {"best_dev": {"confusion": {"en": [[1]]}, "average_interval": 3, "others_interval": None}},
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
    (tmp_path / STATE_FILE).write_text(json.dumps(state))
    read = TrainingState.read(tmp_path)
    assert (read.dev, read.undecayed) == (None, 0.0)
    assert read.step == scored.step
