"""Training objectives: losses over the examples of a stream."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import paddle
from paddle import nn

if TYPE_CHECKING:
    from infoxlm.distributed.ranks import Ranks

Arrays = Mapping[str, paddle.Tensor]


class StreamBatch(Protocol):
    """The batch of a step, as an objective may look at it before its gradient is computed."""

    @property
    def size(self) -> int:
        """Examples of all ranks."""

    @property
    def targets(self) -> Mapping[str, np.ndarray]:
        """The targets of all of them by name, ``[n, ...]``; each rank has drawn the whole batch."""

    def micro_batches(self) -> Iterator[tuple[np.ndarray, Arrays]]:
        """Yield this rank's positions in the batch, int64 ``[k]``, and their arrays by name."""


class StreamBatches(Protocol):
    """The batches of an objective's stream."""

    @property
    def per_epoch(self) -> int:
        """Steps until as many examples were drawn as there are."""

    def draw(self, step: int) -> StreamBatch:
        """Draw the batch of a step; 0 is the first."""


class Objective:
    """A loss over micro-batches; `forward` and `loss` are apart, so that others can wrap them.

    Args:
        model: The model under training.

    Attributes:
        flops_share: The FLOPs of its blocks, as a share of those of a forward and a backward pass
            of all tokens through all blocks.
        points_at_tokens: Whether targets are places among the tokens, which copies of an example
            must keep then.
    """

    flops_share = 1.0
    points_at_tokens = False

    def __init__(self, model: nn.Layer) -> None:
        self.model = model

    @property
    def flops_per_weight(self) -> float:
        """FLOPs of the head, forward and backward, per unit of an example's weight; 0: few."""
        return 0.0

    def forward(self, batch: Arrays) -> Any:
        """Compute the model's outputs.

        Args:
            batch: A micro-batch by name, as `Batch.arrays` gives it.
        """
        raise NotImplementedError

    def loss(self, outputs: Any, batch: Arrays) -> paddle.Tensor:
        """Compute the loss of each example, summed within it, float32 ``[k]``.

        Args:
            outputs: The outputs of `forward`, in autocast's types.
            batch: The micro-batch.
        """
        raise NotImplementedError

    def log_probabilities(self, outputs: Any) -> paddle.Tensor:
        """The logarithms of what is predicted, for those that compare predictions.

        Args:
            outputs: The outputs of `forward`.

        Returns:
            float32 ``[k, ..., classes]``, a distribution along the last axis.
        """
        raise NotImplementedError

    def before_training(self, batches: StreamBatches, ranks: "Ranks") -> None:
        """Prepare what training needs; called once the weights are those it begins with.

        Not called where a run is resumed: `restore` is.

        Args:
            batches: The stream's.
            ranks: The processes that train together; each calls this.
        """

    def before_backward(self, batch: StreamBatch, ranks: "Ranks") -> None:
        """Compute what the losses of a batch need of its other examples, in other micro-batches.

        Args:
            batch: The batch of the step.
            ranks: The processes that train together; each calls this.
        """

    def after_step(self, step: int, ranks: "Ranks") -> None:
        """Do what follows an optimizer step (queues, momentum encoders).

        Args:
            step: Optimizer steps taken so far.
            ranks: The processes that train together; each calls this.
        """

    def scalars(self) -> dict[str, float]:
        """Numbers of the last step to be logged next to its loss; the same in all ranks."""
        return {}

    def state(self) -> dict[str, np.ndarray]:
        """Arrays that a checkpoint has to hold besides weights and optimizer, by name.

        They are of float32 or int64, and may be views of what the next step changes.
        """
        return {}

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        """Resume from what `state` gave."""
