"""Optimizer and learning rate as the literature fine-tunes with."""

import math

import paddle
from paddle import nn

from infoxlm.schema import OptimizerConfig, SchedulerConfig
from infoxlm.train.adamw import AdamW


def learning_rate_factor(step: int, steps: int, config: SchedulerConfig) -> float:
    """The share of the peak learning rate at a step, as transformers' schedules have it.

    Args:
        step: The step about to be taken; 0 is the first.
        steps: Optimizer steps of the whole run.
        config: Kind and warm-up; the warm-up takes ``ceil(warmup_ratio * steps)`` steps.

    Returns:
        From 0 to 1: rising linearly while warming up, then falling linearly to 0 at ``steps``, or
        staying at 1.
    """
    warmup = math.ceil(config.warmup_ratio * steps)
    if step < warmup:
        return step / warmup
    if config.name == "constant":
        return 1.0
    return max(0.0, (steps - step) / max(1, steps - warmup))


def decays(layer: nn.Layer, name: str) -> bool:
    """Whether weight decay applies: not to biases nor to LayerNorm (Devlin et al. 2019)."""
    return name == "weight" and not isinstance(layer, nn.LayerNorm)


def build_learning_rate(
    config: OptimizerConfig, scheduler: SchedulerConfig, steps: int
) -> paddle.optimizer.lr.LRScheduler:
    """The learning rate of a run of so many optimizer steps; step it after each of them."""
    return paddle.optimizer.lr.LambdaDecay(
        config.learning_rate, lambda step: learning_rate_factor(step, steps, scheduler)
    )


def build_optimizer(
    model: nn.Layer,
    config: OptimizerConfig,
    learning_rate: paddle.optimizer.lr.LRScheduler,
    steps: int,
) -> paddle.optimizer.Optimizer:
    """AdamW or Adam over a model's parameters.

    Clipping is not its work: the gradient's norm is wanted before the step (`clip_gradient`).

    Args:
        model: What is trained.
        config: Kind and numbers.
        learning_rate: What ``build_learning_rate`` made.
        steps: Optimizer steps of the whole run.
    """
    options = {"beta1": config.beta1, "beta2": config.beta2, "epsilon": config.epsilon}
    if config.name == "adam":
        return paddle.optimizer.Adam(learning_rate, parameters=model.parameters(), **options)
    decayed = {
        parameter.name
        for layer in model.sublayers(include_self=True)
        for name, parameter in layer.named_parameters(include_sublayers=False)
        if decays(layer, name)
    }
    return AdamW(
        learning_rate,
        model.parameters(),
        config.weight_decay,
        steps,
        decayed.__contains__,
        **options,
    )
