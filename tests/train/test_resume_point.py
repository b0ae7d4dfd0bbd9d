"""Damage to `best`, alone or with others: what a run resumes from, and what is said of it."""

import shutil

import numpy as np
import pytest

from infoxlm.errors import UserError
from infoxlm.evaluate.predictions import Predictions
from infoxlm.evaluate.scores import Scores
from infoxlm.files.manifest import check_manifest
from infoxlm.schema import SelectOn
from infoxlm.train.checkpoints import Checkpoints
from infoxlm.train.resume_point import check_best, find_resume_point
from infoxlm.train.training_state import TrainingState

WEIGHTS = "model.safetensors"

#: Right answers of ten on dev, by the step: the best is 20's, and 40 is worse than 30.
RIGHT = {10: 3, 20: 9, 30: 6, 40: 5, 50: 4}


def scores(step):
    rows = np.arange(10)
    right = (rows < RIGHT[step]).astype(np.float64)
    return Scores.from_predictions(Predictions(np.array(["en"] * 10), rows, {"accuracy": right}))


def run_to(folder, last, *, keep, dev=True, every=10):
    """The checkpoints of a run to a step, scored every ten."""
    checkpoints, state = Checkpoints(folder, keep), TrainingState()

    def write(folder):
        (folder / WEIGHTS).write_text(f"weights {state.step}")
        state.write(folder)

    for step in range(every, last + 1, every):
        state.step = step
        if step % 10 == 0:
            state.last_eval_step, state.dev = step, scores(step) if dev else None
            if state.best_dev is None or scores(step).average > state.best_dev.average:
                state.best_step, state.best_dev = step, scores(step)
        checkpoints.save(step, write, is_best=state.best_step == step)
    return checkpoints


def damage(checkpoints, *names):
    for name in names:
        (checkpoints.folder / name / WEIGHTS).unlink()  # others may be linked to it
        (checkpoints.folder / name / WEIGHTS).write_text("weights ??")


def find(checkpoints):
    """The step that is resumed from, that of the best then, and what `best` holds."""
    point = find_resume_point(checkpoints, SelectOn.dev_average)
    best = checkpoints.best / WEIGHTS
    if best.exists():
        check_manifest(checkpoints.best)
    assert (point.folder / WEIGHTS).read_text() == f"weights {point.state.step}"
    return point.state.step, point.state.best_step, best.exists() and best.read_text()


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "checkpoints"


def test_without_damage_nothing_changes(folder, caplog):
    assert find_resume_point(Checkpoints(folder, 2), SelectOn.dev_average) is None
    checkpoints = run_to(folder, 40, keep=2)
    assert find(checkpoints) == (40, 20, "weights 20")
    assert caplog.messages == []


def test_the_same_step_stands_in_for_the_best(folder, caplog):
    checkpoints = run_to(folder, 40, keep=3)
    damage(checkpoints, "best")
    assert find(checkpoints) == (40, 20, "weights 20")
    shutil.rmtree(checkpoints.best)
    assert find(checkpoints) == (40, 20, "weights 20")
    assert f"{folder}/best: taken again from step-20" in caplog.text


def test_an_older_checkpoint_that_has_its_best_loses_nothing(folder, caplog):
    """Steps 15 and 25 were saved between scorings: 15's best is 10's, which is kept."""
    checkpoints = run_to(folder, 25, keep=4, every=5)
    damage(checkpoints, "best", "step-20")
    assert find(checkpoints) == (15, 10, "weights 10")
    assert "best (step 20) is lost: what came after step 15 is computed again" in caplog.text


def test_otherwise_the_best_of_what_is_left_is_taken(folder, caplog):
    checkpoints = run_to(folder, 40, keep=2)
    damage(checkpoints, "best")
    assert find(checkpoints) == (40, 30, "weights 30")
    assert "best (step 20) is lost: step 30 is the best of what is left" in caplog.text
    assert (folder / "best.damaged" / WEIGHTS).read_text() == "weights ??"
    caplog.clear()
    damage(checkpoints, "step-40")
    assert find(checkpoints) == (30, 30, "weights 30")


@pytest.mark.parametrize(("last", "every"), [(40, 10), (25, 5)])
def test_without_scores_it_is_chosen_from_there_on(last, every, folder, caplog):
    """Of checkpoints of before, and of steps between scorings, no scores are known."""
    checkpoints = run_to(folder, last, keep=1, dev=False, every=every)
    shutil.rmtree(checkpoints.best)
    assert find(checkpoints) == (last, 0, False)
    assert find_resume_point(checkpoints, SelectOn.dev_average).state.last_eval_step == 0
    assert f"the best is chosen from step {last} on" in caplog.text


def test_without_any_training_begins_again(folder, caplog):
    checkpoints = run_to(folder, 40, keep=1)
    damage(checkpoints, "best", "step-40")
    assert find_resume_point(checkpoints, SelectOn.dev_average) is None
    assert f"{folder}: none is whole, training begins again" in caplog.text


def test_a_best_damaged_in_the_end_is_taken_again_or_its_way_on_is_told(folder):
    checkpoints = run_to(folder, 20, keep=1)
    state = find_resume_point(checkpoints, SelectOn.dev_average).state
    damage(checkpoints, "best")
    check_best(checkpoints, state, folder.parent)
    assert (checkpoints.best / WEIGHTS).read_text() == "weights 20"
    damage(checkpoints, "best", "step-20")
    with pytest.raises(UserError, match=rf"best/{WEIGHTS} is damaged") as told:
        check_best(checkpoints, state, folder.parent)
    assert f"Give the same command with trainer.resume={folder.parent}" in told.value.remedy
