"""Base of optimizers that are written here: a step is a function of one tensor and its state."""

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

import paddle
from paddle import nn

from infoxlm.train.optimizer_setup import DecayingOptimizer, OptimizerSetup
from infoxlm.train.weight_decay import WeightDecay


class TensorOptimizer(DecayingOptimizer, paddle.optimizer.Optimizer):
    """An optimizer whose step looks at one parameter after the other.

    A subclass says what it keeps of a parameter (`state_shapes`) and how that and the parameter
    change (`update`). All else is here: schedule, decay, overflow of fp16, saving and resuming.

    Args:
        setup: The arguments of every optimizer.

    Attributes:
        moves_rows_apart: Whether a row without a gradient only decays, and changes no other row;
            without that, all rows of the embeddings have to be trained.
        weight_decay: As configured.
        decays: Whether the parameter of a name decays.
    """

    moves_rows_apart: ClassVar[bool] = False

    def __init__(self, setup: OptimizerSetup) -> None:
        super().__init__(setup.learning_rate, parameters=setup.parameters)
        self.weight_decay = setup.weight_decay
        self.decays = setup.decays
        self._decay = WeightDecay(setup.weight_decay, setup.steps)
        self._state: dict[str, dict[str, paddle.Tensor]] = {}

    @abstractmethod
    def state_shapes(self, shape: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
        """The shapes of what is kept of a parameter of a shape, by name; zeros at first."""

    @abstractmethod
    def update(
        self, parameter: nn.Parameter, gradient: paddle.Tensor, state: dict[str, paddle.Tensor]
    ) -> None:
        """Move a parameter and its state by a step."""

    @paddle.no_grad()
    def step(self) -> None:
        """Take a step, unless fp16's loss scaling found that a gradient overflowed."""
        if self.advance_decay():
            return
        for parameter in self._parameter_list:
            if parameter.grad is not None and not parameter.stop_gradient:
                if parameter.name not in self._state:
                    shapes = self.state_shapes(tuple(parameter.shape))
                    self._state[parameter.name] = {
                        kept: paddle.zeros(shape, parameter.dtype) for kept, shape in shapes.items()
                    }
                self.update(parameter, parameter.grad, self._state[parameter.name])

    def state_dict(self) -> dict[str, paddle.Tensor]:
        """The optimizer's tensors by the names that Paddle's own optimizers would give them."""
        return {
            f"{parameter}_{kept}_0": tensor
            for parameter, state in self._state.items()
            for kept, tensor in state.items()
        }

    def set_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Take over what `state_dict` gave."""
        for parameter in self._parameter_list:
            names = {
                x: f"{parameter.name}_{x}_0" for x in self.state_shapes(tuple(parameter.shape))
            }
            if all(name in state_dict for name in names.values()):
                self._state[parameter.name] = {
                    kept: state_dict[name] for kept, name in names.items()
                }


def mean_square(tensor: paddle.Tensor) -> paddle.Tensor:
    """The mean of the squares of a tensor's values."""
    return tensor.square().mean()
