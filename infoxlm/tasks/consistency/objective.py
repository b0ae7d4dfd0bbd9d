"""xTune's two regularizers (Zheng et al. 2021) around the objective of any task."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import paddle
from paddle import nn

from infoxlm.constants import PAD_ID
from infoxlm.tasks.consistency.examples import HELD, NOISE, TEACHER_IDS
from infoxlm.tasks.objective import Arrays, Objective, StreamBatch, StreamBatches

if TYPE_CHECKING:
    from infoxlm.distributed.ranks import Ranks
    from infoxlm.tasks.consistency.teacher import Teacher

#: The names of the divergences of R1 and R2 among the numbers that are logged.
SCALARS = ("example_consistency", "model_consistency")


class Outputs(NamedTuple):
    """Outputs of the wrapped objective, and the teacher's log-probabilities where it has any."""

    wrapped: Any
    taught: paddle.Tensor | None


class ConsistencyObjective(Objective):
    """An objective, and the consistency of its predictions.

    - Example consistency (R1): the symmetric KL divergence between the predictions for an example
      and for its changed copy, each held to the other as it is (no gradient goes through a target).
    - Model consistency (R2): the KL divergence from a teacher's predictions for the changed
      examples to those of the model.

    Args:
        wrapped: The task's objective.
        weight: The weight of R1; 0: batches hold no copies.
        loss_on_copies: Whether the task's loss counts on the copies too.
        teacher: Predicts what R2 holds the model to; None: there is no R2.
        teacher_weight: The weight of R2.
    """

    def __init__(
        self,
        wrapped: Objective,
        *,
        weight: float,
        loss_on_copies: bool = False,
        teacher: "Teacher | None" = None,
        teacher_weight: float = 0.0,
    ) -> None:
        super().__init__(wrapped.model)
        self.wrapped = wrapped
        self.flops_share = wrapped.flops_share
        self.weight = weight
        self.loss_on_copies = loss_on_copies
        self.teacher = teacher
        self.teacher_weight = teacher_weight
        self._sums = np.zeros((len(SCALARS), 2))
        self._computed: list[tuple[int, paddle.Tensor]] = []

    def forward(self, batch: Arrays) -> Outputs:
        """Compute the outputs for the examples and, behind them, for their copies."""
        taught = None
        if self.teacher is not None and TEACHER_IDS in batch:
            taught = self.teacher.log_probabilities(batch[TEACHER_IDS])
        with noisy_embeddings(self.model, batch):
            return Outputs(self.wrapped.forward(batch), taught)

    def loss(self, outputs: Outputs, batch: Arrays) -> paddle.Tensor:
        """Compute the loss of each example with both regularizers, float32 ``[k]``."""
        count = batch[HELD].shape[0]
        losses = self.wrapped.loss(outputs.wrapped, batch).reshape([-1])
        total, predicted = losses[:count], self.wrapped.log_probabilities(outputs.wrapped)
        own = predicted[:count]
        if self.weight:
            copies = predicted[count:]
            symmetric = divergence(copies.detach(), own) + divergence(own.detach(), copies)
            self._computed.append((0, symmetric.detach()))
            total = total + self.weight * symmetric
            if self.loss_on_copies:
                total = total + losses[count:]
        if outputs.taught is not None:
            held = batch[HELD]
            (changed,) = paddle.nonzero(held, as_tuple=True)
            changed = changed.flatten()
            apart = divergence(outputs.taught, own.index_select(changed))
            self._computed.append((1, apart.detach()))
            apart = self.teacher_weight * held.index_select(changed) * apart
            total = total + paddle.scatter(paddle.zeros_like(held), changed, apart)
        return total

    def log_probabilities(self, outputs: Outputs) -> paddle.Tensor:
        """Those of the wrapped objective."""
        return self.wrapped.log_probabilities(outputs.wrapped)

    def before_training(self, batches: StreamBatches, ranks: "Ranks") -> None:
        """Prepare the wrapped objective."""
        self.wrapped.before_training(batches, ranks)

    def before_backward(self, batch: StreamBatch, ranks: "Ranks") -> None:
        """Let the wrapped objective see the batch."""
        self.wrapped.before_backward(batch, ranks)

    def after_step(self, step: int, ranks: "Ranks") -> None:
        """Do what the wrapped objective does after a step; average both divergences over it."""
        self.wrapped.after_step(step, ranks)
        sums = np.zeros((len(SCALARS), 2), np.float32)
        for row, values in self._computed:
            sums[row] += float(values.sum()), len(values)
        self._sums, self._computed = ranks.sum(sums), []

    def scalars(self) -> dict[str, float]:
        """Both divergences, without their weights: means over the last step's examples."""
        means = zip(SCALARS, self._sums.tolist(), strict=True)
        return {name: total / count for name, (total, count) in means if count}

    def state(self) -> dict[str, np.ndarray]:
        """The arrays of the wrapped objective; there are no others."""
        return self.wrapped.state()

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        """Resume the wrapped objective."""
        self.wrapped.restore(state)


def divergence(target: paddle.Tensor, predicted: paddle.Tensor) -> paddle.Tensor:
    """The KL divergence from a target distribution to a predicted one.

    Args:
        target: Log-probabilities ``[k, ..., classes]``.
        predicted: Likewise.

    Returns:
        ``[k]``; the mean where an example has several distributions.
    """
    each = (target.exp() * (target - predicted)).sum(axis=-1)
    return each.reshape([each.shape[0], -1]).mean(axis=-1)


@contextmanager
def noisy_embeddings(model: nn.Layer, batch: Arrays) -> Iterator[None]:
    """Add a batch's noise to the model's word embeddings while the context lasts."""
    if NOISE not in batch:
        yield
        return
    noise = batch[NOISE]

    def add(layer: nn.Layer, ids: Any, embedded: paddle.Tensor) -> paddle.Tensor:
        if embedded.ndim == noise.ndim:
            return embedded + noise
        return embedded + noise[batch["input_ids"] != PAD_ID]  # the tokens without padding

    embeddings = model.roberta.embeddings.word_embeddings
    hook = embeddings.register_forward_post_hook(add)
    try:
        yield
    finally:
        hook.remove()
