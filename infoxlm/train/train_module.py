"""One optimizer step: the gradient of a batch, summed over streams and ranks, and the move."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import paddle
from paddle import nn

from infoxlm.distributed.ranks import Ranks
from infoxlm.model.precision import Precision
from infoxlm.schema import HardwareConfig, OptimizerConfig, SchedulerConfig
from infoxlm.tasks.stream import TrainingStream, read_objectives, write_objectives
from infoxlm.train.active_vocabulary import ActiveVocabulary
from infoxlm.train.gradient import accumulate_gradient, clip_gradient
from infoxlm.train.optimization import build_learning_rate, build_optimizer, trains_rows_apart
from infoxlm.train.optimizer_state import read_optimizer, write_optimizer
from infoxlm.train.randomness import seed_step
from infoxlm.train.stream_batch import StreamBatches


class StreamLoss(NamedTuple):
    """Losses of one stream's batch.

    Attributes:
        rows: Its examples, int64 ``[n]``.
        lengths: Their tokens, int64 ``[n]``.
        losses: The loss of each, float32 ``[n]``.
        weight: The sum of their weights.
        mean: The weighted mean over the batch.
        part: Its part of the loss that is minimized.
    """

    rows: np.ndarray
    lengths: np.ndarray
    losses: np.ndarray
    weight: float
    mean: float
    part: float


class TrainModule:
    """The model under training and all that moves its weights.

    Args:
        model: The model under training.
        streams: The streams of training examples.
        optimizer: The optimizer's configuration.
        scheduler: The learning rate's schedule.
        hardware: Micro-batches and precision.
        seed: The run's.
        steps: Optimizer steps of the whole run, which the learning rate follows.
        ranks: The processes that share the work.

    Attributes:
        vocabulary: The rows of the embeddings in use, where only these are trained.
    """

    def __init__(
        self,
        model: nn.Layer,
        streams: Sequence[TrainingStream],
        *,
        optimizer: OptimizerConfig,
        scheduler: SchedulerConfig,
        hardware: HardwareConfig,
        seed: int,
        steps: int,
        ranks: Ranks,
    ) -> None:
        self.model = model
        self.streams = streams
        self.hardware = hardware
        self.seed = seed
        self.ranks = ranks
        self.max_grad_norm = optimizer.max_grad_norm
        in_use = [stream.examples.ids_in_use() for stream in streams]
        used = [ids for ids in in_use if ids is not None]
        self.vocabulary = None
        if hardware.active_vocabulary and len(used) == len(in_use) and trains_rows_apart(optimizer):
            lm_head = getattr(model, "lm_head", None)
            self.vocabulary = ActiveVocabulary(model.roberta.embeddings, used, lm_head)
        self.precision = Precision(hardware.amp)
        self.learning_rate = build_learning_rate(optimizer, scheduler, steps)
        self.optimizer = build_optimizer(model, optimizer, self.learning_rate, steps)
        self.batches = [
            StreamBatches(stream, seed, ranks, hardware, self.vocabulary) for stream in streams
        ]

    def before_training(self) -> None:
        """Let the objectives prepare what they need, now that the weights are there."""
        for stream, batches in zip(self.streams, self.batches, strict=True):
            with self.precision.autocast():
                stream.objective.before_training(batches, self.ranks)

    def backward(
        self,
        step: int,
        rows: Mapping[str, np.ndarray] | None = None,
        after_micro_batch: Callable[[], None] = lambda: None,
    ) -> tuple[dict[str, StreamLoss], float]:
        """Compute the clipped gradient of a step, each rank a share of it.

        Args:
            step: Its number, which decides examples and random draws; 0 is the first step.
            rows: Other examples than the step's, by the stream's name.
            after_micro_batch: Called after each micro-batch.

        Returns:
            Each stream's losses, and the gradient's norm before clipping; the same in all ranks.
        """
        self.model.train()
        seed_step(self.seed, step, self.ranks.rank)
        results = {}
        # Every rank draws the whole batches: their weights, which losses are divided by, are known
        # before the first micro-batch, without an exchange.
        drawn = [x.draw(step, None if rows is None else rows[x.stream.name]) for x in self.batches]
        weights = [float(x.batch.weights.sum()) for x in drawn]
        joint = sum(x for x, stream in zip(weights, self.streams, strict=True) if stream.joint)
        with self.precision.constant_weights():
            for stream, now, own in zip(self.streams, drawn, weights, strict=True):
                divisor = joint if stream.joint else own
                with self.precision.autocast():
                    stream.objective.before_backward(now, self.ranks)
                losses = np.zeros(now.size, np.float32)
                losses[now.share] = accumulate_gradient(
                    stream.objective,
                    now.batch,
                    now.share,
                    divisor=divisor / stream.weight,
                    max_tokens=self.hardware.micro_batch_tokens,
                    max_rows=self.hardware.micro_batch_size,
                    vocabulary=self.vocabulary,
                    precision=self.precision,
                    after_micro_batch=after_micro_batch,
                )
                losses = self.ranks.sum(losses)
                total = float(losses.sum(dtype=np.float64))
                part = stream.weight * (total / divisor)
                results[stream.name] = StreamLoss(
                    now.rows, now.batch.lengths, losses, own, total / own, part
                )
        self.ranks.sum_gradients(self.model.parameters())
        self.precision.unscale(self.optimizer)
        return results, clip_gradient(self.model.parameters(), self.max_grad_norm)

    def optimizer_step(self, step: int) -> None:
        """Move the weights by the gradient that was computed, and the schedule by one step.

        Args:
            step: Optimizer steps that are then taken.
        """
        learning_rate = self.optimizer.get_lr()
        # The names of Adam's state must not depend on what else this process has made.
        with paddle.utils.unique_name.guard():
            stepped = self.precision.step(self.optimizer)
        if stepped and self.vocabulary is not None:
            self.vocabulary.decay(learning_rate, self.optimizer.applied_decay)
        self.learning_rate.step()
        # On CPUs products add to the gradients where they lie (`cpu.gradients`), and fresh memory
        # takes longer than zeros. GPUs give it back.
        self.optimizer.clear_grad(set_to_zero=self.hardware.device == "cpu")
        for stream in self.streams:
            stream.objective.after_step(step, self.ranks)

    def total(self, losses: Mapping[str, StreamLoss]) -> float:
        """The loss that was minimized: the streams' parts of it, each by its weight."""
        return sum(losses[stream.name].part for stream in self.streams)

    def scalars(self) -> dict[str, float]:
        """What the objectives want logged of the last step, as ``train/stream/name``."""
        return {
            f"train/{stream.name}/{name}": value
            for stream in self.streams
            for name, value in stream.objective.scalars().items()
        }

    def state_dict(self) -> dict[str, Any]:
        """The state of schedule, loss scaling and weight decay, for a checkpoint."""
        return {
            "learning_rate": self.learning_rate.state_dict(),
            "loss_scale": self.precision.state(),
            "undecayed": self.optimizer.undecayed,
        }

    def write(self, folder: Path) -> None:
        """Write weights, optimizer and the objectives' arrays into a checkpoint."""
        with self.full_table():
            self.model.save_pretrained(folder)
        write_optimizer(folder, self.optimizer, self.model)
        write_objectives(folder, self.streams)

    def restore(self, folder: Path, state: Mapping[str, Any]) -> None:
        """Resume from a checkpoint; the model must have been loaded from it.

        Args:
            folder: The checkpoint.
            state: The checkpoint's state, with the keys of `state_dict`.

        Raises:
            UserError: The checkpoint is damaged or of another run.
        """
        self.learning_rate.set_state_dict(state["learning_rate"])
        self.precision.restore(state["loss_scale"])
        read_optimizer(folder, self.optimizer, self.model)
        self.optimizer.undecayed = state["undecayed"]
        read_objectives(folder, self.streams)

    def full_table(self) -> AbstractContextManager[None]:
        """The model with its whole vocabulary while the context lasts, to be scored or saved."""
        self.precision.forget()  # scoring narrows weights of its own
        return nullcontext() if self.vocabulary is None else self.vocabulary.full_table()
