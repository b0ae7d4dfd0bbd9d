"""Learning rates by name: what follows the warm-up; a new one is a function and a line below."""

import math
from collections.abc import Callable

from infoxlm.schema import SchedulerConfig


def linear(step: int, warmup: int, steps: int) -> float:
    """Fall linearly to 0 at the end."""
    return max(0.0, (steps - step) / max(1, steps - warmup))


def constant(step: int, warmup: int, steps: int) -> float:
    """Stay at the peak."""
    return 1.0


def cosine(step: int, warmup: int, steps: int, *, cycles: float = 0.5) -> float:
    """Follow so many waves of a cosine, from 1 down to 0 and up again."""
    done = (step - warmup) / max(1, steps - warmup)
    return max(0.0, 0.5 * (1.0 + math.cos(2.0 * math.pi * cycles * done)))


def polynomial(
    step: int, warmup: int, steps: int, *, power: float = 1.0, end_factor: float = 0.0
) -> float:
    """Fall with a power of the share of steps that is left, from 1 to `end_factor`."""
    return (1.0 - end_factor) * linear(step, warmup, steps) ** power + end_factor


#: By ``scheduler.name``: the share of the peak learning rate at a step that is no warm-up.
#: Each stands in a file of conf/scheduler too, with its options.
SCHEDULES: dict[str, Callable[..., float]] = {
    "constant": constant,
    "cosine": cosine,
    "linear": linear,
    "polynomial": polynomial,
}


def learning_rate_factor(step: int, steps: int, config: SchedulerConfig) -> float:
    """The share of the peak learning rate at a step, as transformers' schedules have it.

    Args:
        step: The step about to be taken; 0 is the first.
        steps: Optimizer steps of the whole run.
        config: Kind and warm-up; the warm-up takes ``ceil(warmup_ratio * steps)`` steps.

    Returns:
        Rising linearly from 0 to 1 while warming up, then what the schedule says.
    """
    warmup = math.ceil(config.warmup_ratio * steps)
    if step < warmup:
        return step / warmup
    return SCHEDULES[config.name](step, warmup, steps, **config.options)
