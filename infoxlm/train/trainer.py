"""The training loop: a batch, its gradient, a step; every so often all languages are scored."""

import logging
import math
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from infoxlm.errors import RankLostError
from infoxlm.evaluate.scores import Scores
from infoxlm.runs.context import RunContext
from infoxlm.schema import Amp, TrainerConfig
from infoxlm.stopping import Interrupted
from infoxlm.tokenization.tokenizer import InfoXLMTokenizer
from infoxlm.tracking.progress import progress
from infoxlm.train.checkpoints import Checkpoints
from infoxlm.train.failed_step import BATCH, FailedStep, examples_of, finite
from infoxlm.train.milestones import Milestones
from infoxlm.train.resume_point import ResumePoint
from infoxlm.train.speed import FlopCounter, MatmulBenchmark, Throughput
from infoxlm.train.step_profile import StepProfile
from infoxlm.train.train_module import StreamLoss, TrainModule
from infoxlm.train.training_state import TrainingState

if TYPE_CHECKING:
    from paddle import nn

logger = logging.getLogger(__name__)


class Trainer:
    """Trains to the last step, scores, saves, and stops when it is asked to.

    Args:
        config: Length of the training, intervals, checkpoints to keep.
        module: The model and all that moves its weights.
        steps: Optimizer steps of the whole run.
        tokenizer: Saved into each checkpoint, so that it can be used by itself.
        score_dev: Scores a model on dev in all languages; None: nothing is scored, and the last
            checkpoint is the best.
        run: The run, begun.
        checkpoints: The run's checkpoints.

    Attributes:
        milestones: Decides when dev is scored, a checkpoint saved, the run finished.
        machine: A benchmark of this machine, measured meanwhile.
        state: The state of training: steps taken, scores.
        flops: Counts of tokens and FLOPs of all steps.
    """

    def __init__(
        self,
        config: TrainerConfig,
        module: TrainModule,
        steps: int,
        tokenizer: InfoXLMTokenizer,
        score_dev: "Callable[[nn.Layer], Scores] | None",
        run: RunContext,
        checkpoints: Checkpoints,
    ) -> None:
        self.config = config
        self.module = module
        self.steps = steps
        self.tokenizer = tokenizer
        self.score_dev = score_dev
        self.run = run
        self.checkpoints = checkpoints
        self.milestones = Milestones(config, steps, scores_dev=score_dev is not None)
        self.machine = MatmulBenchmark(module.hardware.device, module.hardware.amp)
        self.state = TrainingState()
        self.flops = FlopCounter()

    def train(self, profile: StepProfile | None = None) -> TrainingState:
        """Train to the last step, or until dev stops getting better.

        When another rank is lost, the steps so far are saved.

        Args:
            profile: Records where the time of a step goes; None: nothing does.

        Raises:
            Interrupted: The user wanted an end; a checkpoint to resume from was written.
            UserError: A loss or gradient is not finite, a checkpoint cannot be written, or
                another rank has ended.
        """
        try:
            return self._train(profile or StepProfile(None))
        except RankLostError:
            # An exchange comes before its step: weights and optimizer are those of the last one.
            self.save(to_resume=True)
            raise

    def _train(self, profile: StepProfile) -> TrainingState:
        ranks, stop = self.run.ranks, self.run.stop
        speed = Throughput(self.state.examples, self.state.seconds)
        bar = progress(label="training", total=self.steps, initial=self.state.step, unit=" steps")
        with bar:
            while not self.milestones.is_finished(self.state):
                if self.milestones.start_is_due(self.state):
                    start = ranks.run_interruptible(stop, self.score)
                    if start is not None:
                        self.record_start(start)
                elif self.milestones.eval_is_due(self.state):
                    dev = ranks.run_interruptible(stop, self.score)
                    if dev is not None:
                        self.record_eval(dev)
                        self.save(is_best=self.state.best_step == self.state.step)
                else:
                    profile.step_begins()
                    loss = self.step_and_log(speed)
                    self.machine.measure_if_due()
                    bar.update()
                    bar.set_postfix(loss=f"{loss:.3f}")
                    if self.score_dev is None and self.state.step == self.steps:
                        self.state.best_step = self.steps
                        self.save(is_best=True)
                    elif self.milestones.saving_is_due(self.state):
                        self.save()
                if (number := ranks.signal_number(stop)) is not None:
                    self.save(to_resume=True)
                    raise Interrupted(f"stopped and saved after step {self.state.step}", number)
        return self.state

    def step_and_log(self, speed: Throughput) -> float:
        """Take the next step, log it when its turn has come, and return its loss."""
        state = self.state
        learning_rate = self.module.optimizer.get_lr()
        started = time.perf_counter()
        losses, norm = self.optimizer_step()
        speed.add(sum(len(stream.rows) for stream in losses.values()), started)
        state.examples, state.seconds = speed.examples, speed.seconds
        loss = self.module.total(losses)
        if state.step % self.config.log_every == 0 or state.step in (1, self.steps):
            values = {
                "train/loss": loss,
                "train/learning_rate": learning_rate,
                "train/gradient_norm": norm,
                "train/pairs_per_second": speed.since_last_asked(),
            }
            if len(losses) > 1:
                values |= {f"train/loss/{name}": x.mean for name, x in losses.items()}
            values |= self.module.scalars()
            self.run.tracker.scalars(state.step, values)
        return loss

    def optimizer_step(self) -> tuple[dict[str, StreamLoss], float]:
        """Take one optimizer step.

        Returns:
            Each stream's losses, and the global norm of the gradient before clipping.

        Raises:
            UserError: A loss or the norm is not finite; the weights are as they were.
        """
        module, timings = self.module, self.run.timings
        losses, norm = module.backward(
            self.state.step,
            after_micro_batch=lambda: timings.record_once("until_first_micro_batch"),
        )
        # With fp16 a gradient that overflows is everyday: the scaler leaves the step out.
        overflowed = not math.isfinite(norm) and module.hardware.amp is Amp.fp16
        if not (math.isfinite(module.total(losses)) and (math.isfinite(norm) or overflowed)):
            self.fail(losses, norm)
        self.state.step += 1
        module.optimizer_step(self.state.step)
        self.count_flops((stream.lengths, stream.weight) for stream in losses.values())
        return losses, norm

    def count_flops(self, batches: Iterable[tuple[np.ndarray, float]]) -> None:
        """Count the FLOPs of a step, by the tokens of each stream's examples and their weight."""
        module = self.module
        shape, hardware, ranks = module.model.config, module.hardware, self.run.ranks.size
        for (lengths, weight), stream in zip(batches, module.streams, strict=True):
            head = weight * stream.objective.flops_per_weight
            self.flops.add(lengths, shape, hardware, ranks, stream.objective.flops_share, head)

    def fail(self, losses: dict[str, StreamLoss], norm: float) -> None:
        """End the run at a step that cannot be taken, keeping what is needed to look into it."""
        failed = FailedStep(
            self.state.step + 1,
            self.module.optimizer.get_lr(),
            finite(self.module.total(losses)),
            finite(norm),
            [
                {key: value for key, value in example.items() if key != "tokens"}
                for example in examples_of(self.module.streams, losses)
            ],
        )

        def write(folder: Path) -> None:
            self.write_checkpoint(folder)
            failed.write(folder)

        folder = self.run.ranks.first(lambda: self.checkpoints.save_failed(write))
        raise failed.error(folder / BATCH)

    def score(self) -> Scores:
        """Score dev in all languages."""
        assert self.score_dev is not None
        with self.run.timings.measure("scoring"), self.module.full_table():
            return self.score_dev(self.module.model)

    def record_start(self, dev: Scores) -> None:
        """Log and keep the scores before the first step, which are no trained model's best."""
        self.log_eval(dev)
        self.state.start = dev

    def log_eval(self, dev: Scores) -> None:
        """Log scores on dev."""
        self.run.tracker.scalars(self.state.step, dev.tags("dev"))
        logger.info("step %d of %d: dev %s", self.state.step, self.steps, dev.summary())
        if dev.warning is not None:
            logger.warning("%s", dev.warning)

    def record_eval(self, dev: Scores) -> None:
        """Log scores, and record whether they are the best so far."""
        state = self.state
        self.log_eval(dev)
        select_on = self.config.select_on
        state.last_eval_step, state.dev = state.step, dev
        state.evals_since_best += 1
        if state.best_dev is None or dev.better_than(state.best_dev, select_on):
            state.best_step, state.best_dev, state.evals_since_best = state.step, dev, 0

    def save(self, *, is_best: bool = False, to_resume: bool = False) -> None:
        """Write a checkpoint, when there is a reason to keep it; rank 0 does."""
        if self.run.ranks.rank:
            return
        if is_best or to_resume or self.config.keep_checkpoints:
            with self.run.timings.measure("saving"):
                self.checkpoints.save(
                    self.state.step, self.write_checkpoint, is_best=is_best, to_resume=to_resume
                )

    def write_checkpoint(self, folder: Path) -> None:
        """Write everything that the run needs to resume, into a folder that exists."""
        self.module.write(folder)
        self.tokenizer.save_pretrained(folder)
        replace(self.state, **self.module.state_dict(), flops=vars(self.flops)).write(folder)
        self.run.tracker.copy_log(folder)

    def restore(self, point: ResumePoint) -> None:
        """Resume from a checkpoint; the model must have been loaded from it.

        Raises:
            UserError: The checkpoint is damaged or of another run.
        """
        self.state = point.state
        self.module.restore(point.folder, vars(self.state))
        if self.state.flops:
            self.flops = FlopCounter(**self.state.flops)
        else:  # a checkpoint of an earlier version
            for step in range(self.state.step):
                self.count_flops(
                    (x.examples.token_ids.lengths_of(x.sampler.rows(step)), 0.0)
                    for x in self.module.streams
                )
