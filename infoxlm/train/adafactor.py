"""Adafactor, for little memory."""

import math

import paddle
from paddle import nn

from infoxlm.train.optimizer_setup import OptimizerSetup
from infoxlm.train.tensor_optimizer import TensorOptimizer, mean_square


class Adafactor(TensorOptimizer):
    """Adafactor (Shazeer & Stern 2018, https://arxiv.org/abs/1804.04235, algorithms 4 and 5).

    Of a matrix it keeps the running mean square gradient of each row and each column; their product
    stands for that of each weight. The learning rate is the schedule's: the paper's own, which
    falls with the number of steps, is not offered.

    Args:
        setup: The arguments of every optimizer; the weight decay is decoupled, as AdamW's.
        beta1: Of a running mean of steps; 0: none is kept.
        beta2: Not used: what is forgotten of mean squares follows from `decay_exponent`.
        epsilon: Added to squared gradients.
        clip_threshold: The most root mean square of a tensor's step before it is multiplied by the
            rate; 0: any.
        decay_exponent: The mean squares of step t forget ``t ** -decay_exponent`` of before.
        smallest_scale: Above 0, the rate is multiplied by the root mean square of a tensor's
            weights, or by this where that is less.
    """

    def __init__(
        self,
        setup: OptimizerSetup,
        *,
        beta1: float = 0.0,
        beta2: float = 0.0,
        epsilon: float = 1e-30,
        clip_threshold: float = 1.0,
        decay_exponent: float = 0.8,
        smallest_scale: float = 0.0,
    ) -> None:
        super().__init__(setup)
        self.beta1 = beta1
        self.epsilon = epsilon
        self.clip_threshold = clip_threshold
        self.decay_exponent = decay_exponent
        self.smallest_scale = smallest_scale

    def state_shapes(self, shape: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
        """Mean squares, of rows and columns where there are any; and the number of steps."""
        kept: dict[str, tuple[int, ...]] = {"step": (1,)}
        if len(shape) > 1:
            kept |= {"square_row": shape[:-1], "square_column": (*shape[:-2], shape[-1])}
        else:
            kept["square"] = shape
        return kept | {"moment1": shape} if self.beta1 else kept

    def update(
        self, parameter: nn.Parameter, gradient: paddle.Tensor, state: dict[str, paddle.Tensor]
    ) -> None:
        """Move a parameter and its mean squares by a step."""
        state["step"] += 1
        new = float(state["step"]) ** -self.decay_exponent
        step = gradient * self.inverse_root(gradient.square() + self.epsilon, state, new)
        if self.clip_threshold:
            step = step / max(1.0, math.sqrt(float(mean_square(step))) / self.clip_threshold)
        rate = self.get_lr()
        if self.smallest_scale:
            rate *= max(self.smallest_scale, math.sqrt(float(mean_square(parameter))))
        step = rate * step
        if self.beta1:
            state["moment1"] = self.beta1 * state["moment1"] + (1 - self.beta1) * step
            step = state["moment1"]
        if self.applied_decay and self.decays(parameter.name):
            step = step + (rate * self.applied_decay) * parameter
        parameter.subtract_(step)

    def inverse_root(
        self, square: paddle.Tensor, state: dict[str, paddle.Tensor], new: float
    ) -> paddle.Tensor:
        """One over the root of the mean square gradient of each weight.

        Args:
            square: The step's squared gradients.
            state: The mean squares of before, which are brought up to date.
            new: The share of this step in them.
        """

        def kept(name: str, value: paddle.Tensor) -> paddle.Tensor:
            state[name] = (1 - new) * state[name] + new * value
            return state[name]

        if square.ndim < 2:
            return kept("square", square).rsqrt()
        row = kept("square_row", square.mean(-1))
        column = kept("square_column", square.mean(-2))
        share = row / row.mean(-1, keepdim=True)
        return share.rsqrt().unsqueeze(-1) * column.rsqrt().unsqueeze(-2)
