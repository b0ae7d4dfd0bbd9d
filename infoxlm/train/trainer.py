"""The training loop: a window, its gradient, a step; every so often all languages."""

import logging
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import numpy as np

from infoxlm.evaluate.metrics import SplitScores
from infoxlm.model import InfoXLMForSequenceClassification
from infoxlm.model.precision import Precision
from infoxlm.schema import SelectOn, TrainConfig
from infoxlm.tracking.progress import progress
from infoxlm.tracking.run_tracker import RunTracker
from infoxlm.train.active_vocabulary import ActiveVocabulary
from infoxlm.train.checkpoints import Checkpoints
from infoxlm.train.gradients import TrainingPairs, accumulate_gradient
from infoxlm.train.optimization import build_optimizer
from infoxlm.train.windows import Windows

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
        score_dev: Scores the model on dev in all languages.
        tracker: Where the numbers go.
        checkpoints: Where the weights go.
    """

    def __init__(
        self,
        config: TrainConfig,
        model: InfoXLMForSequenceClassification,
        pairs: TrainingPairs,
        score_dev: Callable[[], SplitScores],
        tracker: RunTracker,
        checkpoints: Checkpoints,
    ) -> None:
        self.config = config
        self.model = model
        self.score_dev = score_dev
        self.tracker = tracker
        self.checkpoints = checkpoints
        self.windows = Windows(len(pairs.labels), config.trainer.effective_batch_size, config.seed)
        self.steps = config.trainer.max_steps or config.trainer.epochs * self.windows.per_epoch
        self.vocabulary = None
        if config.hardware.active_vocabulary:
            self.vocabulary = ActiveVocabulary(model.roberta.embeddings, pairs.token_ids)
            pairs = TrainingPairs(self.vocabulary.compact(pairs.token_ids), pairs.labels)
        self.pairs = pairs
        self.precision = Precision(config.hardware.amp)
        self.optimizer = build_optimizer(model, config.optimizer, config.scheduler, self.steps)

    def train(self) -> TrainingResult:
        """Train to the last step, or until dev stops getting better."""
        trainer = self.config.trainer
        best_step, best_dev, worse = 0, None, 0
        seconds, since_log, pairs_since_log, pairs = 0.0, 0.0, 0, 0
        bar = progress(label="training", total=self.steps, unit=" steps")
        for step in range(1, self.steps + 1):
            started = time.perf_counter()
            rows = self.windows.rows(step - 1)
            learning_rate = self.optimizer.get_lr()
            loss = self.take_step(rows)
            elapsed = time.perf_counter() - started
            seconds, since_log = seconds + elapsed, since_log + elapsed
            pairs, pairs_since_log = pairs + len(rows), pairs_since_log + len(rows)
            bar.update()
            bar.set_postfix(loss=f"{loss:.3f}")
            if step % trainer.log_every == 0 or step in (1, self.steps):
                self.tracker.scalars(
                    step,
                    {
                        "train/loss": loss,
                        "train/learning_rate": learning_rate,
                        "train/pairs_per_second": pairs_since_log / since_log,
                    },
                )
                since_log, pairs_since_log = 0.0, 0
            if step % trainer.eval_every == 0 or step == self.steps:
                dev = self.score(step)
                worse += 1
                if best_dev is None or self.criterion(dev) > self.criterion(best_dev):
                    best_step, best_dev, worse = step, dev, 0
                self.save(step, is_best=best_step == step)
                if trainer.patience is not None and worse >= trainer.patience:
                    logger.info("No better on dev for %d scorings: stopped at step %d", worse, step)
                    break
            elif trainer.save_every and step % trainer.save_every == 0:
                self.save(step, is_best=False)
        bar.close()
        assert best_dev is not None  # the last step is always scored
        return TrainingResult(step, best_step, best_dev, pairs, seconds)

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
        if self.vocabulary is not None and self.config.optimizer.name == "adamw":
            self.vocabulary.decayed(self.optimizer.get_lr(), self.config.optimizer.weight_decay)
        self.precision.step(self.optimizer)
        self.optimizer._learning_rate.step()
        self.optimizer.clear_grad(set_to_zero=False)
        return loss

    def score(self, step: int) -> SplitScores:
        """Score dev in all languages and note the result."""
        with self.full_table():
            dev = self.score_dev()
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
        if self.config.trainer.select_on is SelectOn.dev_en:
            return dev.accuracy["en"]
        return dev.average

    def full_table(self) -> AbstractContextManager[None]:
        """The model with its whole vocabulary while the context lasts."""
        return nullcontext() if self.vocabulary is None else self.vocabulary.full_table()
