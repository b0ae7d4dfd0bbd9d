"""The model under training and all that moves its weights: gradient, schedule, optimizer."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import numpy as np
import paddle

from infoxlm.distributed.ranks import Ranks
from infoxlm.model import InfoXLMForSequenceClassification
from infoxlm.model.precision import Precision
from infoxlm.schema import TrainConfig
from infoxlm.train.active_vocabulary import ActiveVocabulary
from infoxlm.train.adamw import AdamW
from infoxlm.train.gradients import accumulate_gradient, clip_gradient
from infoxlm.train.optimization import build_learning_rate, build_optimizer
from infoxlm.train.optimizer_state import read_optimizer, write_optimizer
from infoxlm.train.randomness import seed_step
from infoxlm.train.training_pairs import TrainingPairs
from infoxlm.train.training_state import TrainingState


class Learner:
    """Computes gradients over windows of pairs and takes optimizer steps with them.

    Args:
        config: The run's configuration.
        model: What is trained.
        pairs: What it is trained on.
        steps: Optimizer steps of the whole run, which the learning rate follows.
        ranks: The processes that share the work; None: this one alone.

    Attributes:
        pairs: What it is trained on, numbered as the model's table is.
        vocabulary: The rows in use, where only these are trained.
    """

    def __init__(
        self,
        config: TrainConfig,
        model: InfoXLMForSequenceClassification,
        pairs: TrainingPairs,
        steps: int,
        ranks: Ranks | None = None,
    ) -> None:
        self.config = config
        self.model = model
        self.ranks = ranks or Ranks()
        self.vocabulary = None
        if config.hardware.active_vocabulary:
            self.vocabulary = ActiveVocabulary(model.roberta.embeddings, pairs.token_ids)
            pairs = TrainingPairs(self.vocabulary.compact(pairs.token_ids), pairs.labels)
        self.pairs = pairs
        self.precision = Precision(config.hardware.amp)
        self.learning_rate = build_learning_rate(config.optimizer, config.scheduler, steps)
        self.optimizer = build_optimizer(model, config.optimizer, self.learning_rate, steps)

    def compute_gradient(
        self, rows: np.ndarray, step: int, after_micro_batch: Callable[[], None] = lambda: None
    ) -> tuple[np.ndarray, float]:
        """Compute the clipped gradient of a window, each rank a share of it.

        Args:
            rows: The window, int64 ``[n]``.
            step: What the draws of dropout follow from; 0 is the first step.
            after_micro_batch: Called after each micro-batch.

        Returns:
            The loss of each pair, float32 ``[n]``, and the gradient's norm before clipping; the
            same in all ranks.
        """
        hardware = self.config.hardware
        self.model.train()
        seed_step(self.config.seed, step, self.ranks.rank)
        share = self.ranks.shares(self.pairs.token_ids.lengths_of(rows))[self.ranks.rank]
        losses = np.zeros(len(rows), np.float32)
        losses[share] = accumulate_gradient(
            self.model,
            self.pairs,
            rows[share],
            window=len(rows),
            max_tokens=hardware.micro_batch_tokens,
            max_rows=hardware.micro_batch_size,
            precision=self.precision,
            after_micro_batch=after_micro_batch,
        )
        losses = self.ranks.sum(losses)
        self.ranks.sum_gradients(self.model.parameters())
        self.precision.unscale(self.optimizer)
        return losses, clip_gradient(self.model.parameters(), self.config.optimizer.max_grad_norm)

    def take_step(self) -> None:
        """Move the weights by the gradient that was computed, and the schedule by one step."""
        learning_rate = self.optimizer.get_lr()
        # The names of Adam's state must not depend on what else this process has made.
        with paddle.utils.unique_name.guard():
            stepped = self.precision.step(self.optimizer)
        if stepped and self.vocabulary is not None and isinstance(self.optimizer, AdamW):
            self.vocabulary.decay(learning_rate, self.optimizer.applied_decay)
        self.learning_rate.step()
        self.optimizer.clear_grad(set_to_zero=False)

    def write(self, folder: Path, state: TrainingState) -> None:
        """Write weights and optimizer into a checkpoint, and note the schedule in its state."""
        with self.full_table():
            self.model.save_pretrained(folder)
        write_optimizer(folder, self.optimizer, self.model)
        state.learning_rate = self.learning_rate.state_dict()
        state.loss_scale = self.precision.state()
        if isinstance(self.optimizer, AdamW):
            state.undecayed = self.optimizer.undecayed

    def restore(self, folder: Path, state: TrainingState) -> None:
        """Go on from a checkpoint; the model must have been loaded from it.

        Raises:
            UserError: The checkpoint is damaged or of another run.
        """
        self.learning_rate.set_state_dict(state.learning_rate)
        self.precision.restore(state.loss_scale)
        read_optimizer(folder, self.optimizer, self.model)
        if isinstance(self.optimizer, AdamW):
            self.optimizer.undecayed = state.undecayed

    def full_table(self) -> AbstractContextManager[None]:
        """The model with its whole vocabulary while the context lasts."""
        return nullcontext() if self.vocabulary is None else self.vocabulary.full_table()
