"""LAMB, for large batches."""

import paddle
from paddle import nn

from infoxlm.train.optimizer_setup import OptimizerSetup
from infoxlm.train.tensor_optimizer import TensorOptimizer


class Lamb(TensorOptimizer):
    """LAMB (You et al. 2020, https://arxiv.org/abs/1904.00962, algorithm 2).

    Adam's step with corrected bias, the decay added to it, is scaled for each tensor by the norm
    of its weights over the norm of the step. Biases and LayerNorm, which do not decay, are not
    scaled either, as in the authors' code. Paddle's class is not used: it takes a weight decay of 0
    for a wish that nothing is scaled, and is Adam then.

    Args:
        setup: The arguments of every optimizer; λ is its weight decay, a part of the step that is
            scaled, and a parameter that does not decay is not scaled either.
        beta1: Of the mean of gradients.
        beta2: Of the mean of their squares.
        epsilon: Added to the root of these.
    """

    def __init__(
        self,
        setup: OptimizerSetup,
        *,
        beta1: float = 0.9,
        beta2: float = 0.999,
        epsilon: float = 1e-6,
    ) -> None:
        # Nothing decays apart from the step: what is added to it is not lost to rounding.
        super().__init__(setup._replace(weight_decay=0.0))
        self.weight_decay = setup.weight_decay
        self.betas = (beta1, beta2)
        self.epsilon = epsilon

    def state_shapes(self, shape: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
        """Both moments, and the number of steps that corrects their bias."""
        return {"moment1": shape, "moment2": shape, "step": (1,)}

    def update(
        self, parameter: nn.Parameter, gradient: paddle.Tensor, state: dict[str, paddle.Tensor]
    ) -> None:
        """Move a parameter and its moments by a step."""
        state["step"] += 1
        count = float(state["step"])
        corrected = []
        for name, beta, value in zip(
            ("moment1", "moment2"), self.betas, (gradient, gradient.square()), strict=True
        ):
            state[name] = beta * state[name] + (1 - beta) * value
            corrected.append(state[name] / (1 - beta**count))
        step = corrected[0] / (corrected[1].sqrt() + self.epsilon)
        rate = self.get_lr()
        if self.decays(parameter.name):
            step = step + self.weight_decay * parameter
            norms = float(parameter.norm()), float(step.norm())
            rate *= norms[0] / norms[1] if all(norms) else 1.0
        parameter.subtract_(rate * step)
