"""Adam and AdamW: Paddle's kernels, with weight decay that is not lost to rounding."""

from collections.abc import Callable
from typing import ClassVar

import paddle
from paddle import nn

from infoxlm.train.weight_decay import WeightDecay


class Adam(paddle.optimizer.Adam):
    """Adam (Kingma & Ba 2015), without weight decay.

    Args:
        learning_rate: The schedule; step it after each step.
        parameters: What is trained.
        weight_decay: 0.
        steps: Steps of the whole run.
        decays: Whether the parameter of a name decays.
        options: What else Paddle's class takes.
    """

    moves_rows_apart: ClassVar[bool] = True
    applied_decay = 0.0
    undecayed = 0.0

    def __init__(
        self,
        learning_rate: paddle.optimizer.lr.LRScheduler,
        parameters: list[nn.Parameter],
        weight_decay: float,
        steps: int,
        decays: Callable[[str], bool],
        **options: float,
    ) -> None:
        super().__init__(learning_rate, parameters=parameters, **options)

    def state_shapes(self, shape: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
        """The moments, and the powers of beta that correct their bias."""
        return adam_state_shapes(shape)


class AdamW(paddle.optimizer.AdamW):
    """AdamW, which decays by what is configured (`WeightDecay`).

    Args:
        learning_rate: The schedule; step it after each step.
        parameters: What is trained.
        weight_decay: As in the literature, before it is multiplied with the learning rate.
        steps: Steps of the whole run.
        decays: Whether the parameter of a name decays.
        options: What else Paddle's class takes.
    """

    moves_rows_apart: ClassVar[bool] = True

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
        self._decay = WeightDecay(weight_decay, steps)

    def state_shapes(self, shape: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
        """The moments, and the powers of beta that correct their bias."""
        return adam_state_shapes(shape)

    @property
    def applied_decay(self) -> float:
        """What the last step decayed with: its learning rate times this."""
        return self._decay.applied

    @property
    def undecayed(self) -> float:
        """What the weights have not decayed for; with the moments it is the optimizer's state."""
        return self._decay.undecayed

    @undecayed.setter
    def undecayed(self, value: float) -> None:
        self._decay.undecayed = value

    def step(self) -> None:
        """Take a step, unless fp16's loss scaling found that a gradient overflowed."""
        # Paddle's scaler calls this also for a step that is left out.
        skipped = bool(self._get_auxiliary_var("found_inf"))
        self._decay.advance(self.get_lr(), self._learning_rate.last_epoch, skipped=skipped)
        # Its kernel computes w - (learning_rate * weight_decay) * w, as `ActiveVocabulary` does.
        self._weight_decay = self._decay.applied
        super().step()


def adam_state_shapes(shape: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
    """The shapes of what Adam keeps of a parameter, by Paddle's names."""
    return {"moment1": shape, "moment2": shape, "beta1_pow_acc": (1,), "beta2_pow_acc": (1,)}
