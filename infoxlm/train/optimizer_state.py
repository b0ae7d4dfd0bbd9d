"""An optimizer's state to and from a checkpoint, by the names of the model's parameters."""

from pathlib import Path

import paddle
from paddle import nn

from infoxlm.checkpoint.mapped_tensors import checkpoint_tensors
from infoxlm.checkpoint.safetensors_writer import write_tensors
from infoxlm.errors import UserError

OPTIMIZER_FILE = "optimizer.safetensors"


def state_names(
    model: nn.Layer, optimizer: paddle.optimizer.Optimizer
) -> dict[str, tuple[str, tuple[int, ...]]]:
    """Paddle's name and the shape of each tensor of an optimizer, by its name in the file.

    Paddle names them by numbers it gives to parameters as they are made; the file's names are the
    model's, so that it can be read without having made the same layers before.
    """
    return {
        f"{kept}.{name}": (f"{parameter.name}_{kept}_0", shape)
        for name, parameter in model.named_parameters()
        for kept, shape in optimizer.state_shapes(tuple(parameter.shape)).items()
    }


def write_optimizer(folder: Path, optimizer: paddle.optimizer.Optimizer, model: nn.Layer) -> None:
    """Write ``optimizer.safetensors``; without a step taken there is nothing in it."""
    state = optimizer.state_dict()
    names = state_names(model, optimizer)
    tensors = {name: state[key] for name, (key, _) in names.items() if key in state}
    write_tensors(folder / OPTIMIZER_FILE, tensors, "np")


def read_optimizer(folder: Path, optimizer: paddle.optimizer.Optimizer, model: nn.Layer) -> None:
    """Give an optimizer that has not taken a step yet the state of a checkpoint.

    Raises:
        UserError: The file is damaged, or of another model or training data.
    """
    path = folder / OPTIMIZER_FILE
    names = state_names(model, optimizer)
    state = {}
    for name, values in checkpoint_tensors(path):
        key, shape = names.get(name, ("", None))
        if values.shape != shape:
            raise UserError(
                f"{path}: {name} {list(values.shape)} is not of this model and this data",
                "Resume with the configuration and the data that the run began with.",
            )
        state[key] = paddle.to_tensor(values)
    optimizer.set_state_dict(state)
