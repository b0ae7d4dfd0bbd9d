from types import SimpleNamespace

import pytest

from infoxlm.train.milestones import Milestones
from infoxlm.train.training_state import TrainingState

STEPS = 10


@pytest.fixture
def milestones():
    """Milestones of a run of ten steps: dev every four, a checkpoint every two."""

    def build(*, scores_dev=True, **changed):
        defaults = {"eval_every": 4, "save_every": 2, "patience": None, "eval_at_start": False}
        config = defaults | changed
        return Milestones(SimpleNamespace(**config), STEPS, scores_dev=scores_dev)

    return build


def steps_where(found):
    """The steps of which a decision is yes, dev not scored since the first."""
    return [step for step in range(1, STEPS + 1) if found(TrainingState(step=step))]


def test_dev_is_scored_at_its_interval_and_at_the_end(milestones):
    assert steps_where(milestones().eval_is_due) == [4, 8, 10]
    assert not milestones().eval_is_due(TrainingState())
    assert not milestones().eval_is_due(TrainingState(step=4, last_eval_step=4))


def test_scoring_saves_by_itself(milestones):
    assert steps_where(milestones().saving_is_due) == [2, 6]
    assert milestones().saving_is_due(TrainingState(step=4, last_eval_step=4))
    assert steps_where(milestones(save_every=None).saving_is_due) == []


def test_without_dev_nothing_is_scored(milestones):
    assert steps_where(milestones(scores_dev=False).eval_is_due) == []
    assert steps_where(milestones(scores_dev=False).saving_is_due) == [2, 4, 6, 8, 10]
    assert steps_where(milestones(scores_dev=False).is_finished) == [10]


def test_the_last_step_is_scored_before_the_run_is_finished(milestones):
    assert steps_where(milestones().is_finished) == []
    assert milestones().is_finished(TrainingState(step=10, last_eval_step=10))


@pytest.mark.parametrize(("since_best", "finished"), [(1, False), (2, True), (3, True)])
def test_patience(since_best, finished, milestones):
    state = TrainingState(step=8, last_eval_step=8, evals_since_best=since_best)
    assert milestones(patience=2).is_finished(state) == finished
    assert not milestones().is_finished(state)


def test_the_start_is_scored_once_where_that_is_asked_for(milestones):
    assert not milestones().start_is_due(TrainingState())
    asked = milestones(eval_at_start=True)
    assert asked.start_is_due(TrainingState())
    assert not asked.start_is_due(TrainingState(start=object()))
    assert not asked.start_is_due(TrainingState(step=1))
    assert not milestones(eval_at_start=True, scores_dev=False).start_is_due(TrainingState())
