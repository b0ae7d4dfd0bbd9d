"""The training loop: a window, its gradient, a step; every so often all languages."""

import logging
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np

from infoxlm.distributed.ranks import RankLostError, Ranks
from infoxlm.evaluate.metrics import SplitScores
from infoxlm.model import InfoXLMForSequenceClassification
from infoxlm.schema import Amp, TrainConfig
from infoxlm.stopping import Interrupted, StopRequests
from infoxlm.tokenization.tokenizer import InfoXLMTokenizer
from infoxlm.tracking.part_seconds import PartSeconds
from infoxlm.tracking.progress import progress
from infoxlm.tracking.run_tracker import RunTracker
from infoxlm.train.batch_sampler import BatchSampler
from infoxlm.train.checkpoints import Checkpoints
from infoxlm.train.failed_step import BATCH, FailedStep, finite
from infoxlm.train.learner import Learner
from infoxlm.train.machine_speed import MachineSpeed
from infoxlm.train.resume_point import ResumePoint
from infoxlm.train.step_profile import StepProfile
from infoxlm.train.throughput import Throughput
from infoxlm.train.training_pairs import PairOrigins, TrainingPairs
from infoxlm.train.training_state import TrainingState

logger = logging.getLogger(__name__)


class Trainer:
    """Fine-tunes a classifier on pairs.

    Args:
        config: The run's configuration.
        model: What is trained.
        tokenizer: Saved into each checkpoint, so that it can be used by itself.
        pairs: What it is trained on.
        origins: Where these came from, for the error of a step that fails.
        score_dev: Scores a model on dev in all languages.
        tracker: Where the numbers go.
        checkpoints: Where the weights go.
        parts: Where the seconds of each part of the run are added up.
        ranks: The processes that train together; None: this one alone.

    Attributes:
        learner: The model and all that moves its weights.
        machine: How fast this machine was meanwhile.
        state: How far the run has come.
        steps: Optimizer steps of the whole run.
    """

    def __init__(
        self,
        config: TrainConfig,
        model: InfoXLMForSequenceClassification,
        tokenizer: InfoXLMTokenizer,
        pairs: TrainingPairs,
        origins: PairOrigins,
        score_dev: Callable[[InfoXLMForSequenceClassification], SplitScores],
        tracker: RunTracker,
        checkpoints: Checkpoints,
        parts: PartSeconds,
        ranks: Ranks | None = None,
    ) -> None:
        self.config = config
        self.tokenizer = tokenizer
        self.origins = origins
        self.score_dev = score_dev
        self.tracker = tracker
        self.checkpoints = checkpoints
        self.parts = parts
        self.ranks = ranks or Ranks()
        self.machine = MachineSpeed(config.hardware.device)
        self.batches = BatchSampler(
            len(pairs.labels), config.trainer.effective_batch_size, config.seed
        )
        self.steps = config.trainer.max_steps or config.trainer.epochs * self.batches.per_epoch
        self.learner = Learner(config, model, pairs, self.steps, self.ranks)
        self.state = TrainingState()

    def train(self, stop: StopRequests, profile: StepProfile | None = None) -> TrainingState:
        """Train to the last step, or until dev stops getting better.

        When another rank is lost, the steps so far are saved.

        Args:
            stop: Tells when the user wants an end.
            profile: Records where the time of a step goes; None: nothing does.

        Raises:
            Interrupted: The user did; a checkpoint to go on from was written.
            UserError: A loss or gradient is not finite, a checkpoint cannot be written, or
                another rank has ended.
        """
        try:
            return self._train(stop, profile or StepProfile(None))
        except RankLostError:
            # An exchange comes before its step: weights and optimizer are those of the last one.
            self.save(to_go_on=True)
            raise

    def _train(self, stop: StopRequests, profile: StepProfile) -> TrainingState:
        speed = Throughput(self.state.pairs, self.state.seconds)
        bar = progress(label="training", total=self.steps, initial=self.state.step, unit=" steps")
        with bar:
            while not self.finished:
                if self.scoring_is_due:
                    dev = self.ranks.unless_requested(stop, self.score)
                    if dev is not None:
                        self.note_scores(dev)
                        self.save(is_best=self.state.best_step == self.state.step)
                else:
                    profile.step_begins()
                    loss = self.step_and_log(speed)
                    self.machine.measure_now_and_then()
                    bar.update()
                    bar.set_postfix(loss=f"{loss:.3f}")
                    if self.saving_is_due:
                        self.save()
                if (number := self.ranks.signal_number(stop)) is not None:
                    self.save(to_go_on=True)
                    raise Interrupted(f"stopped and saved after step {self.state.step}", number)
        return self.state

    def step_and_log(self, speed: Throughput) -> float:
        """Take the next step, log it when its turn has come, and return its loss."""
        state = self.state
        rows = self.batches.rows(state.step)
        learning_rate = self.learner.optimizer.get_lr()
        with speed.measure(len(rows)):
            loss, norm = self.take_step(rows)
        state.pairs, state.seconds = speed.pairs, speed.seconds
        if state.step % self.config.trainer.log_every == 0 or state.step in (1, self.steps):
            self.tracker.scalars(
                state.step,
                {
                    "train/loss": loss,
                    "train/learning_rate": learning_rate,
                    "train/gradient_norm": norm,
                    "train/pairs_per_second": speed.since_last_asked(),
                },
            )
        return loss

    @property
    def saving_is_due(self) -> bool:
        """Whether a checkpoint is to be written that no scoring writes anyway."""
        every = self.config.trainer.save_every
        return every is not None and self.state.step % every == 0 and not self.scoring_is_due

    @property
    def scoring_is_due(self) -> bool:
        """Whether dev is to be scored before the next step."""
        step, every = self.state.step, self.config.trainer.eval_every
        return self.state.scored_step < step and (step % every == 0 or step == self.steps)

    @property
    def finished(self) -> bool:
        """Whether nothing is left to do: all steps are taken, or dev stopped getting better."""
        patience = self.config.trainer.patience
        return not self.scoring_is_due and (
            self.state.step == self.steps
            or (patience is not None and self.state.scorings_since_best >= patience)
        )

    def take_step(self, rows: np.ndarray) -> tuple[float, float]:
        """Take one optimizer step on a window of pairs.

        Returns:
            The window's mean loss, and the global norm of its gradient before clipping.

        Raises:
            UserError: One of the two is not finite; the weights are as they were.
        """
        losses, norm = self.learner.compute_gradient(
            rows, self.state.step, lambda: self.parts.note_once("until_first_micro_batch")
        )
        loss = float(losses.mean(dtype=np.float64))
        # With fp16 a gradient that overflows is everyday: the scaler leaves the step out.
        overflowed = not math.isfinite(norm) and self.config.hardware.amp is Amp.fp16
        if not (math.isfinite(loss) and (math.isfinite(norm) or overflowed)):
            self.fail(rows, losses, norm)
        self.learner.take_step()
        self.state.step += 1
        return loss, norm

    def fail(self, rows: np.ndarray, losses: np.ndarray, norm: float) -> None:
        """End the run at a step that cannot be taken, keeping what is needed to look into it."""
        pairs = [
            self.origins.of(row) | {"loss": finite(float(loss))}
            for row, loss in zip(rows.tolist(), losses, strict=True)
        ]
        failed = FailedStep(
            self.state.step + 1,
            self.learner.optimizer.get_lr(),
            finite(float(losses.mean())),
            finite(norm),
            pairs,
        )

        def write(folder: Path) -> None:
            self.write_checkpoint(folder)
            failed.write(folder)

        folder = self.ranks.first(lambda: self.checkpoints.save_failed(write))
        raise failed.error(folder / BATCH)

    def score(self) -> SplitScores:
        """Score dev in all languages."""
        with self.parts.measure("scoring"), self.learner.full_table():
            return self.score_dev(self.learner.model)

    def note_scores(self, dev: SplitScores) -> None:
        """Log scores, and take note of whether they are the best so far."""
        state = self.state
        self.tracker.scores(state.step, "dev", dev)
        gap = "" if dev.gap is None else f", gap to English {100 * dev.gap:.1f}"
        logger.info(
            "step %d of %d: dev average %.1f %%%s", state.step, self.steps, 100 * dev.average, gap
        )
        if (only := dev.only_prediction) is not None:
            logger.warning(
                "Every prediction is %r: the model has collapsed to chance. "
                "Lower optimizer.learning_rate or raise scheduler.warmup_ratio",
                only,
            )
        select_on = self.config.trainer.select_on
        state.scored_step, state.dev = state.step, dev
        state.scorings_since_best += 1
        if state.best_dev is None or dev.selected(select_on) > state.best_dev.selected(select_on):
            state.best_step, state.best_dev, state.scorings_since_best = state.step, dev, 0

    def save(self, *, is_best: bool = False, to_go_on: bool = False) -> None:
        """Write a checkpoint, when there is a reason to keep it; rank 0 does."""
        if self.ranks.rank:
            return
        if is_best or to_go_on or self.config.trainer.keep_checkpoints:
            with self.parts.measure("saving"):
                self.checkpoints.save(
                    self.state.step, self.write_checkpoint, is_best=is_best, to_go_on=to_go_on
                )

    def write_checkpoint(self, folder: Path) -> None:
        """Write everything that the run needs to go on, into a folder that exists."""
        self.learner.write(folder, self.state)
        self.tokenizer.save_pretrained(folder)
        self.state.write(folder)
        self.tracker.copy_log(folder)

    def restore(self, point: ResumePoint) -> None:
        """Resume from a checkpoint; the model must have been loaded from it.

        Raises:
            UserError: The checkpoint is damaged or of another run.
        """
        self.state = point.state
        self.learner.restore(point.folder, self.state)
