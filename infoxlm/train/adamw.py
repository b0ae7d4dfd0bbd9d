"""Adam and AdamW: Paddle's kernels, with weight decay that is not lost to rounding."""

from typing import ClassVar

import paddle

from infoxlm.train.optimizer_setup import DecayingOptimizer, OptimizerSetup
from infoxlm.train.weight_decay import WeightDecay


class AdamState(DecayingOptimizer):
    """The state that Adam and AdamW keep of a parameter."""

    moves_rows_apart: ClassVar[bool] = True

    def state_shapes(self, shape: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
        """The moments, and the powers of beta that correct their bias, by Paddle's names."""
        return {"moment1": shape, "moment2": shape, "beta1_pow_acc": (1,), "beta2_pow_acc": (1,)}


class Adam(AdamState, paddle.optimizer.Adam):
    """Adam (Kingma & Ba 2015), without weight decay.

    Args:
        setup: The arguments of every optimizer; its weight decay is 0.
        options: Further arguments of Paddle's class.
    """

    def __init__(self, setup: OptimizerSetup, **options: float) -> None:
        super().__init__(setup.learning_rate, parameters=setup.parameters, **options)
        self._decay = WeightDecay(0.0, setup.steps)


class AdamW(AdamState, paddle.optimizer.AdamW):
    """AdamW, which decays by what is configured (`WeightDecay`).

    Args:
        setup: The arguments of every optimizer.
        options: Further arguments of Paddle's class.
    """

    def __init__(self, setup: OptimizerSetup, **options: float) -> None:
        super().__init__(
            setup.learning_rate,
            parameters=setup.parameters,
            weight_decay=setup.weight_decay,
            apply_decay_param_fun=setup.decays,
            **options,
        )
        self._decay = WeightDecay(setup.weight_decay, setup.steps)

    def step(self) -> None:
        """Take a step, unless fp16's loss scaling found that a gradient overflowed."""
        self.advance_decay()
        # Its kernel computes w - (learning_rate * weight_decay) * w, as `ActiveVocabulary` does.
        self._weight_decay = self._decay.applied
        super().step()
