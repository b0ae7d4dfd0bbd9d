"""The checkpoint to resume from: the newest undamaged one, if possible one with its best."""

import logging
from dataclasses import dataclass
from pathlib import Path

from infoxlm.errors import UserError
from infoxlm.files.manifest import check_manifest
from infoxlm.schema import SelectOn
from infoxlm.train.checkpoints import Checkpoints
from infoxlm.train.training_state import TrainingState

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class ResumePoint:
    """A checkpoint to resume from, with the state of training there.

    Attributes:
        folder: The checkpoint.
        state: The state of training there; with another best than the checkpoint says, if that
            one is lost.
    """

    folder: Path
    state: TrainingState


def find_resume_point(checkpoints: Checkpoints, select_on: SelectOn) -> ResumePoint | None:
    """Find the checkpoint that a run resumes from, and see to it that ``best`` is whole.

    Nothing is lost where ``best`` is whole, or can be taken again from the same step's folder, or
    an older checkpoint has its own: what came after that is computed again. Otherwise another best
    is chosen, which the log tells.

    Args:
        checkpoints: The run's.
        select_on: The score that the best checkpoint is chosen by.

    Returns:
        None when no checkpoint is whole: training begins again.
    """
    whole = []
    for folder in checkpoints.usable():
        state = TrainingState.read(folder)
        whole.append(ResumePoint(folder, state))
        if checkpoints.restore_best(state.best_step):
            if len(whole) > 1:
                logger.warning(
                    "%s (step %d) is lost: what came after step %d is computed again",
                    checkpoints.best, whole[0].state.best_step, state.step,
                )  # fmt: skip
            return whole[-1]
    if not whole:
        if checkpoints.folder.is_dir():
            logger.warning("%s: none is whole, training begins again", checkpoints.folder)
        return None
    choose_again(checkpoints, whole, select_on)
    return whole[0]


def choose_again(checkpoints: Checkpoints, whole: list[ResumePoint], select_on: SelectOn) -> None:
    """Choose the best among whole checkpoints that were scored, in the state of the newest.

    Args:
        checkpoints: The run's, without the best one.
        whole: The undamaged ones, the newest first.
        select_on: The score that the best checkpoint is chosen by.
    """
    state = whole[0].state
    lost = f"{checkpoints.best} (step {state.best_step}) is lost"
    checkpoints.set_best_aside()
    # The oldest of equals, as while training.
    scored = {
        point.state.step: point.state.dev
        for point in whole[::-1]
        if point.state.dev is not None and point.state.last_eval_step == point.state.step
    }
    if scored:
        best = next(iter(scored))
        for step, dev in scored.items():
            if dev.better_than(scored[best], select_on):
                best = step
        state.best_step, state.best_dev = best, scored[best]
        checkpoints.restore_best(best)
        logger.warning("%s: step %d is the best of what is left", lost, best)
    else:
        state.best_step, state.best_dev, state.last_eval_step = 0, None, 0
        logger.warning("%s: the best is chosen from step %d on", lost, state.step)


def check_best(checkpoints: Checkpoints, state: TrainingState, folder: Path) -> None:
    """Check the best checkpoint before it is scored; the same step's folder can stand in for it.

    Raises:
        UserError: It was damaged during training, and there is no other copy of it.
    """
    try:
        check_manifest(checkpoints.best)
    except UserError as error:
        fresh = Checkpoints(checkpoints.folder, keep=0)  # the other knows what was whole before
        if not fresh.restore_best(state.best_step):
            raise UserError(
                error.problem,
                f"Give the same command with trainer.resume={folder}; what is whole is used.",
            ) from error
