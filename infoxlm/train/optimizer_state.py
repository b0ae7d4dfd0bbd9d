"""Adam's moments to and from a checkpoint, by the names of the model's parameters."""

from pathlib import Path

import paddle
from paddle import nn
from safetensors import SafetensorError

from infoxlm.checkpoint.mapped_tensors import MappedTensors
from infoxlm.checkpoint.safetensors_writer import write_tensors
from infoxlm.errors import UserError

OPTIMIZER_FILE = "optimizer.safetensors"

#: What Adam keeps of each parameter: the moments, and the powers of beta that correct their bias.
KEPT = ("moment1", "moment2", "beta1_pow_acc", "beta2_pow_acc")


def state_names(model: nn.Layer) -> dict[str, str]:
    """What each of Adam's tensors is called in Paddle, by its name in the file.

    Paddle names them by numbers it gives to parameters as they are made; the file's names are the
    model's, so that it can be read without having made the same layers before.
    """
    return {
        f"{kept}.{name}": f"{parameter.name}_{kept}_0"
        for name, parameter in model.named_parameters()
        for kept in KEPT
    }


def write_optimizer(folder: Path, optimizer: paddle.optimizer.Optimizer, model: nn.Layer) -> None:
    """Write ``optimizer.safetensors``; without a step taken there is nothing in it."""
    state = optimizer.state_dict()
    names = state_names(model)
    tensors = {name: state[key] for name, key in names.items() if key in state}
    write_tensors(folder / OPTIMIZER_FILE, tensors, "np")


def read_optimizer(folder: Path, optimizer: paddle.optimizer.Optimizer, model: nn.Layer) -> None:
    """Give an optimizer that has not taken a step yet the state of a checkpoint.

    Raises:
        UserError: The file is damaged, or of another model or training data.
    """
    path = folder / OPTIMIZER_FILE
    names = state_names(model)
    shapes = {name: tuple(parameter.shape) for name, parameter in model.named_parameters()}
    state = {}
    try:
        tensors = MappedTensors(path)
        for name in tensors.keys():  # noqa: SIM118 (no dictionary)
            values = tensors.get_tensor(name)
            kept, _, parameter = name.partition(".")
            expected = shapes.get(parameter) if kept in KEPT[:2] else (1,)
            if name not in names or values.shape != expected:
                raise UserError(
                    f"{path}: {name} {list(values.shape)} is not of this model and this data",
                    "Resume with the configuration and the data that the run began with.",
                )
            state[names[name]] = paddle.to_tensor(values)
    except (SafetensorError, OSError) as error:
        raise UserError(f"{path} cannot be read: {error}", "Use another checkpoint.") from error
    optimizer.set_state_dict(state)
