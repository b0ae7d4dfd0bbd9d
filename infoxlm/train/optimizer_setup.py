"""The common part of optimizers: their arguments, and decay that is not lost to rounding."""

from collections.abc import Callable
from typing import Any, NamedTuple

import paddle
from paddle import nn

from infoxlm.train.weight_decay import WeightDecay


class OptimizerSetup(NamedTuple):
    """The arguments of every optimizer.

    Attributes:
        learning_rate: The schedule; step it after each step.
        parameters: The parameters that are trained.
        weight_decay: As in the literature, before it is multiplied with the learning rate.
        steps: Steps of the whole run.
        decays: Whether the parameter of a name decays.
    """

    learning_rate: paddle.optimizer.lr.LRScheduler
    parameters: list[nn.Parameter]
    weight_decay: float
    steps: int
    decays: Callable[[str], bool]


class DecayingOptimizer:
    """The decay of an optimizer, which comes before Paddle's class among its bases.

    A subclass sets `_decay`, and calls `advance_decay` at the beginning of each step.
    """

    _decay: WeightDecay
    get_lr: Callable[[], float]
    _learning_rate: Any
    _get_auxiliary_var: Callable[[str], Any]

    @property
    def applied_decay(self) -> float:
        """Decay of the last step: its learning rate times this."""
        return self._decay.applied

    @property
    def undecayed(self) -> float:
        """Sum of the rates that weights have not decayed for; a part of the optimizer's state."""
        return self._decay.undecayed

    @undecayed.setter
    def undecayed(self, value: float) -> None:
        self._decay.undecayed = value

    def advance_decay(self) -> bool:
        """Find the decay of a step.

        Returns:
            Whether the step is left out: Paddle's scaler calls `step` also where fp16's loss
            scaling found that a gradient overflowed.
        """
        skipped = bool(self._get_auxiliary_var("found_inf"))
        self._decay.advance(self.get_lr(), self._learning_rate.last_epoch, skipped=skipped)
        return skipped
