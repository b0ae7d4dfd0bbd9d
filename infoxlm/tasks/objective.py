"""Training objectives: losses over the examples of a stream."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import paddle
from paddle import nn

if TYPE_CHECKING:
    from infoxlm.distributed.ranks import Ranks

Arrays = Mapping[str, paddle.Tensor]


class Objective:
    """A loss over micro-batches; `forward` and `loss` are apart, so that others can wrap them.

    Args:
        model: The model under training.

    Attributes:
        points_at_tokens: Whether targets are places among the tokens, which copies of an example
            must keep then.
    """

    points_at_tokens = False

    def __init__(self, model: nn.Layer) -> None:
        self.model = model

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

    def before_training(self) -> None:
        """Prepare what training needs; called once the weights are those it begins with."""

    def after_step(self, step: int, ranks: "Ranks") -> None:
        """Do what follows an optimizer step (queues, momentum encoders).

        Args:
            step: Optimizer steps taken so far.
            ranks: The processes that train together; each calls this.
        """

    def state(self) -> dict[str, np.ndarray]:
        """Arrays that a checkpoint has to hold besides weights and optimizer, by name."""
        return {}

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        """Resume from what `state` gave."""
