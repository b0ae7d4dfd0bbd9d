"""Milestones of a training run: when dev is scored, a checkpoint is saved, and the run ends."""

from dataclasses import dataclass

from infoxlm.schema import TrainerConfig
from infoxlm.train.training_state import TrainingState


@dataclass(frozen=True)
class Milestones:
    """Decisions on what a run does next, which follow from its state between two steps.

    Attributes:
        config: The intervals and the patience.
        steps: Optimizer steps of the whole run.
        scores_dev: Whether there is a dev split to score.
    """

    config: TrainerConfig
    steps: int
    scores_dev: bool

    def eval_is_due(self, state: TrainingState) -> bool:
        """Tell whether dev is to be scored before the next step."""
        if not self.scores_dev:
            return False
        reached = state.step % self.config.eval_every == 0 or state.step == self.steps
        return state.last_eval_step < state.step and reached

    def start_is_due(self, state: TrainingState) -> bool:
        """Tell whether dev is to be scored before the first step."""
        asked = self.scores_dev and self.config.eval_at_start
        return asked and state.step == 0 and state.start is None

    def saving_is_due(self, state: TrainingState) -> bool:
        """Tell whether a checkpoint is to be saved, other than the one saved after scoring."""
        every = self.config.save_every
        return every is not None and state.step % every == 0 and not self.eval_is_due(state)

    def is_finished(self, state: TrainingState) -> bool:
        """Tell whether all steps are taken, or dev stopped getting better, and dev is scored."""
        patience = self.config.patience
        return not self.eval_is_due(state) and (
            state.step == self.steps
            or (patience is not None and state.evals_since_best >= patience)
        )
