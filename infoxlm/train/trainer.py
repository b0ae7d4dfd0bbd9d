"""The training loop: a window, its gradient, a step; every so often all languages."""

import logging
import math
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import numpy as np

from infoxlm.errors import UserError
from infoxlm.evaluate.metrics import SplitScores
from infoxlm.model import InfoXLMForSequenceClassification
from infoxlm.model.precision import Precision
from infoxlm.schema import TrainConfig
from infoxlm.tracking.progress import progress
from infoxlm.tracking.run_tracker import RunTracker
from infoxlm.train.active_vocabulary import ActiveVocabulary
from infoxlm.train.batch_sampler import BatchSampler
from infoxlm.train.checkpoints import Checkpoints
from infoxlm.train.gradients import TrainingPairs, accumulate_gradient
from infoxlm.train.optimization import build_learning_rate, build_optimizer
from infoxlm.train.throughput import Throughput

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class TrainingResult:
    """How a training run went.

    Attributes:
        steps: Optimizer steps taken.
        best_step: The step of the best checkpoint.
        best_dev: Its scores on dev.
        pairs: Training pairs gone through.
        seconds: Time spent on training steps, scoring and saving not counted.
    """

    steps: int
    best_step: int
    best_dev: SplitScores
    pairs: int
    seconds: float


class Trainer:
    """Fine-tunes a classifier on pairs.

    Args:
        config: The run's configuration.
        model: What is trained.
        pairs: What it is trained on.
        score_dev: Scores a model on dev in all languages.
        tracker: Where the numbers go.
        checkpoints: Where the weights go.
    """

    def __init__(
        self,
        config: TrainConfig,
        model: InfoXLMForSequenceClassification,
        pairs: TrainingPairs,
        score_dev: Callable[[InfoXLMForSequenceClassification], SplitScores],
        tracker: RunTracker,
        checkpoints: Checkpoints,
    ) -> None:
        self.config = config
        self.model = model
        self.score_dev = score_dev
        self.tracker = tracker
        self.checkpoints = checkpoints
        self.batches = BatchSampler(
            len(pairs.labels), config.trainer.effective_batch_size, config.seed
        )
        self.steps = config.trainer.max_steps or config.trainer.epochs * self.batches.per_epoch
        self.vocabulary = None
        if config.hardware.active_vocabulary:
            self.vocabulary = ActiveVocabulary(model.roberta.embeddings, pairs.token_ids)
            pairs = TrainingPairs(self.vocabulary.compact(pairs.token_ids), pairs.labels)
        self.pairs = pairs
        self.precision = Precision(config.hardware.amp)
        self.learning_rate = build_learning_rate(config.optimizer, config.scheduler, self.steps)
        self.optimizer = build_optimizer(model, config.optimizer, self.learning_rate)

    def train(self) -> TrainingResult:
        """Train to the last step, or until dev stops getting better."""
        trainer = self.config.trainer
        speed = Throughput()
        best_step, best_dev, scorings_since_best = 0, None, 0
        with progress(label="training", total=self.steps, unit=" steps") as bar:
            for step in range(1, self.steps + 1):
                rows = self.batches.rows(step - 1)
                learning_rate = self.optimizer.get_lr()
                with speed.measure(len(rows)):
                    loss = self.take_step(rows)
                bar.update()
                bar.set_postfix(loss=f"{loss:.3f}")
                if step % trainer.log_every == 0 or step in (1, self.steps):
                    values = {"loss": loss, "learning_rate": learning_rate}
                    values["pairs_per_second"] = speed.since_last_asked()
                    self.tracker.scalars(step, {f"train/{key}": x for key, x in values.items()})
                if step % trainer.eval_every == 0 or step == self.steps:
                    dev = self.score(step)
                    scorings_since_best += 1
                    if best_dev is None or self.criterion(dev) > self.criterion(best_dev):
                        best_step, best_dev, scorings_since_best = step, dev, 0
                    self.save(step, is_best=best_step == step)
                    if scorings_since_best == trainer.patience:
                        logger.info("dev got no better %d times: stopped", scorings_since_best)
                        break
                elif trainer.save_every and step % trainer.save_every == 0:
                    self.save(step, is_best=False)
        if best_dev is None:
            raise RuntimeError("no step was taken, so nothing was scored")
        return TrainingResult(step, best_step, best_dev, speed.pairs, speed.seconds)

    def take_step(self, rows: np.ndarray) -> float:
        """Take one optimizer step on a window of pairs and return its mean loss."""
        hardware = self.config.hardware
        self.model.train()
        loss = accumulate_gradient(
            self.model,
            self.pairs,
            rows,
            max_tokens=hardware.micro_batch_tokens,
            max_rows=hardware.micro_batch_size,
            precision=self.precision,
        )
        learning_rate = self.optimizer.get_lr()
        if not math.isfinite(loss):
            raise UserError(
                f"the loss is {loss} at a learning rate of {learning_rate:g}, after "
                f"{self.learning_rate.last_epoch} optimizer steps",
                "Lower optimizer.learning_rate or set optimizer.max_grad_norm.",
            )
        if self.precision.step(self.optimizer) and self.vocabulary is not None:
            self.vocabulary.decayed(learning_rate, self.config.optimizer.weight_decay)
        self.learning_rate.step()
        self.optimizer.clear_grad(set_to_zero=False)
        return loss

    def score(self, step: int) -> SplitScores:
        """Score dev in all languages and note the result."""
        with self.full_table():
            dev = self.score_dev(self.model)
        self.tracker.scores(step, "dev", dev)
        logger.info(
            "step %d of %d: dev average %.1f %%%s",
            step,
            self.steps,
            100 * dev.average,
            "" if dev.gap is None else f", gap to English {100 * dev.gap:.1f}",
        )
        return dev

    def save(self, step: int, is_best: bool) -> None:
        """Write a checkpoint of the whole model."""
        if is_best or self.config.trainer.keep_checkpoints:
            with self.full_table():
                self.checkpoints.save(step, self.model, is_best)

    def criterion(self, dev: SplitScores) -> float:
        """The number that decides which checkpoint is best."""
        return dev.selected(self.config.trainer.select_on)

    def full_table(self) -> AbstractContextManager[None]:
        """The model with its whole vocabulary while the context lasts."""
        return nullcontext() if self.vocabulary is None else self.vocabulary.full_table()
