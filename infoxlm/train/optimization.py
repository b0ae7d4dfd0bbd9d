"""The optimizer and the learning rate of a run, by the names in its configuration."""

import logging
from typing import Any

import paddle
from paddle import nn

from infoxlm.schema import OptimizerConfig, SchedulerConfig
from infoxlm.train.adafactor import Adafactor
from infoxlm.train.adamw import Adam, AdamW
from infoxlm.train.lamb import Lamb
from infoxlm.train.optimizer_setup import OptimizerSetup
from infoxlm.train.schedules import learning_rate_factor

logger = logging.getLogger(__name__)

#: By ``optimizer.name``. A new one is a class, most easily a `TensorOptimizer`, a line here and a
#: file in conf/optimizer, whose ``options`` are its own keywords.
OPTIMIZERS: dict[str, Any] = {
    "adafactor": Adafactor,
    "adam": Adam,
    "adamw": AdamW,
    "lamb": Lamb,
}


def decays(layer: nn.Layer, name: str) -> bool:
    """Tell whether weight decay applies: not to biases or LayerNorm (Devlin et al. 2019)."""
    return name == "weight" and not isinstance(layer, nn.LayerNorm)


def build_learning_rate(
    config: OptimizerConfig, scheduler: SchedulerConfig, steps: int
) -> paddle.optimizer.lr.LRScheduler:
    """The learning rate of a run of so many optimizer steps; step it after each of them."""
    return paddle.optimizer.lr.LambdaDecay(
        config.learning_rate, lambda step: learning_rate_factor(step, steps, scheduler)
    )


def trains_rows_apart(config: OptimizerConfig) -> bool:
    """Tell whether embedding rows that never occur can be left out of training.

    An optimizer that looks at the whole of a tensor, its norm for example, would take other steps
    without them; so they are trained, and a line of the log says so.
    """
    if not (apart := OPTIMIZERS[config.name].moves_rows_apart):
        logger.info(
            "optimizer=%s takes norms of whole tensors: every embedding row is trained, "
            "hardware.active_vocabulary=true and task.restrict_vocabulary=true have no effect",
            config.name,
        )
    return apart


def build_optimizer(
    model: nn.Layer,
    config: OptimizerConfig,
    learning_rate: paddle.optimizer.lr.LRScheduler,
    steps: int,
) -> paddle.optimizer.Optimizer:
    """The optimizer over a model's parameters.

    Clipping is not its work: the gradient's norm is wanted before the step (`clip_gradient`).

    Args:
        model: The model under training.
        config: The optimizer's configuration.
        learning_rate: The schedule, from ``build_learning_rate``.
        steps: Optimizer steps of the whole run.
    """
    decayed = {
        parameter.name
        for layer in model.sublayers(include_self=True)
        for name, parameter in layer.named_parameters(include_sublayers=False)
        if decays(layer, name)
    }
    setup = OptimizerSetup(
        learning_rate, model.parameters(), config.weight_decay, steps, decayed.__contains__
    )
    return OPTIMIZERS[config.name](
        setup,
        beta1=config.beta1,
        beta2=config.beta2,
        epsilon=config.epsilon,
        **config.options,
    )
