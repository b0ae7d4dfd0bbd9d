"""AdamW whose weight decay is not lost to rounding."""

from collections.abc import Callable

import paddle
from paddle import nn

#: Decay is applied in portions of at least this factor: 64 to 128 units in a weight's last place.
PORTION = 2.0**-17


class AdamW(paddle.optimizer.AdamW):
    """AdamW (decoupled decay, Loshchilov & Hutter 2019) that decays by what is asked.

    A step's factor ``1 - learning_rate * weight_decay`` is lost in float32 where the product comes
    near 3e-8, half a unit in the last place of 1, and rounded badly for some way above: Paddle
    applies nothing at a learning rate of 2e-6 and a decay of 0.01. So the learning rates of steps
    are summed up in float64, and the weights decay once the sum is worth a `PORTION`, or it is
    the last step. Where a single step is worth that, each decays as Paddle has it.

    Args:
        learning_rate: The schedule; step it after each step.
        parameters: What is trained.
        weight_decay: As in the literature, before it is multiplied with the learning rate.
        steps: Steps of the whole run.
        decays: Whether the parameter of a name decays.
        options: What else Paddle's class takes.

    Attributes:
        undecayed: The sum of the learning rates of steps that the weights have not decayed for;
            with the moments it is the optimizer's state.
        applied_decay: What the last step decayed with: its learning rate times this.
    """

    def __init__(
        self,
        learning_rate: paddle.optimizer.lr.LRScheduler,
        parameters: list[nn.Parameter],
        weight_decay: float,
        steps: int,
        decays: Callable[[str], bool],
        **options: float,
    ) -> None:
        super().__init__(
            learning_rate,
            parameters=parameters,
            weight_decay=weight_decay,
            apply_decay_param_fun=decays,
            **options,
        )
        self.undecayed = 0.0
        self.applied_decay = 0.0
        self._asked_decay = weight_decay
        self._steps = steps

    def step(self) -> None:
        """Take a step, unless fp16's loss scaling found that a gradient overflowed."""
        rate = self.get_lr()
        self.applied_decay = 0.0
        # Paddle's scaler calls this also for a step that is left out.
        overflowed = bool(self._get_auxiliary_var("found_inf"))
        if self._asked_decay and not overflowed:
            self.undecayed += rate
            is_last = self._learning_rate.last_epoch + 1 >= self._steps
            if rate and (is_last or self.undecayed * self._asked_decay >= PORTION):
                # The kernel multiplies by this step's learning rate.
                self.applied_decay = self._asked_decay * (self.undecayed / rate)
                self.undecayed = 0.0
        self._weight_decay = self.applied_decay
        super().step()
