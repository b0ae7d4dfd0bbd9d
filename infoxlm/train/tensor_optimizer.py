"""Base of optimizers that are written here: a step is a function of one tensor and its state."""

from abc import abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import paddle
from paddle import nn

from infoxlm.train.weight_decay import WeightDecay


class TensorOptimizer(paddle.optimizer.Optimizer):
    """An optimizer whose step looks at one parameter after the other.

    A subclass says what it keeps of a parameter (`state_shapes`) and how that and the parameter
    change (`update`). All else is here: schedule, decay, overflow of fp16, saving and resuming.

    Args:
        learning_rate: The schedule; step it after each step.
        parameters: What is trained.
        weight_decay: As in the literature, before it is multiplied with the learning rate.
        steps: Steps of the whole run.
        decays: Whether the parameter of a name decays.

    Attributes:
        moves_rows_apart: Whether a row without a gradient only decays, and changes no other row;
            without that, all rows of the embeddings have to be trained.
        decay: When weights decay that do so apart from the gradient's step.
    """

    moves_rows_apart: ClassVar[bool] = False

    def __init__(
        self,
        learning_rate: paddle.optimizer.lr.LRScheduler,
        parameters: list[nn.Parameter],
        weight_decay: float,
        steps: int,
        decays: Callable[[str], bool],
    ) -> None:
        super().__init__(learning_rate, parameters=parameters)
        self.weight_decay = weight_decay
        self.decays = decays
        self.decay = WeightDecay(weight_decay, steps)
        self._state: dict[str, dict[str, paddle.Tensor]] = {}

    @abstractmethod
    def state_shapes(self, shape: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
        """The shapes of what is kept of a parameter of a shape, by name; zeros at first."""

    @abstractmethod
    def update(
        self, parameter: nn.Parameter, gradient: paddle.Tensor, state: dict[str, paddle.Tensor]
    ) -> None:
        """Move a parameter and its state by a step."""

    @property
    def applied_decay(self) -> float:
        """What the last step decayed with: its learning rate times this."""
        return self.decay.applied

    @property
    def undecayed(self) -> float:
        """What the weights have not decayed for; it is a part of the optimizer's state."""
        return self.decay.undecayed

    @undecayed.setter
    def undecayed(self, value: float) -> None:
        self.decay.undecayed = value

    @paddle.no_grad()
    def step(self) -> None:
        """Take a step, unless fp16's loss scaling found that a gradient overflowed."""
        skipped = bool(self._get_auxiliary_var("found_inf"))
        self.decay.advance(self.get_lr(), self._learning_rate.last_epoch, skipped=skipped)
        if skipped:
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
        """What is kept, by the names that Paddle's own optimizers would give it."""
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
