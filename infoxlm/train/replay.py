"""A failed step, computed again to see which examples and which weights it failed at."""

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import paddle

from infoxlm.train.failed_step import FailedStep, examples_of, finite
from infoxlm.train.gradient import clip_gradient
from infoxlm.train.train_module import TrainModule


@dataclass(frozen=True)
class Replay:
    """Result of a step that was computed again: losses, gradient norm, parameters at fault.

    Attributes:
        step: Its number, 1 being the first.
        loss: Mean loss of its examples; None when it is not finite.
        gradient_norm: Global norm of the gradient; None when it is not finite.
        examples: ``language``, ``file``, ``row``, ``tokens`` and ``loss`` of each example, those
            that are not finite first, then the highest loss first.
        parameters: Those whose gradient, or the norm of it, is not finite.
    """

    step: int
    loss: float | None
    gradient_norm: float | None
    examples: list[dict[str, Any]]
    parameters: list[str]

    def as_dict(self) -> dict[str, Any]:
        """The form in replay.json, where examples are called pairs."""
        return {"pairs" if key == "examples" else key: x for key, x in asdict(self).items()}


def replay(module: TrainModule, failed: FailedStep) -> Replay:
    """Compute the gradient of a failed step from the weights it failed with.

    The configuration may be another than the run's: that is how to see what helps.

    Args:
        module: With these weights.
        failed: The step.

    Raises:
        UserError: The training data does not hold its examples.
    """
    losses, norm = module.backward(failed.step - 1, rows_of(module, failed))
    examples = examples_of(module.streams, losses)
    return Replay(
        failed.step,
        finite(module.total(losses)),
        finite(norm),
        sorted(examples, key=lambda x: (x["loss"] is not None, -(x["loss"] or 0.0))),
        non_finite_parameters(module.model.named_parameters()),
    )


def rows_of(module: TrainModule, failed: FailedStep) -> dict[str, np.ndarray] | None:
    """The numbers of a failed step's examples; None: of several streams, those that it draws.

    Raises:
        UserError: The training data does not hold them.
    """
    if len(module.streams) > 1:
        return None
    (stream,) = module.streams
    rows = [
        stream.examples.find(x["language"], x["row"], x.get("sequence", 0)) for x in failed.examples
    ]
    return {stream.name: np.array(rows)}


def non_finite_parameters(parameters: Iterable[tuple[str, paddle.Tensor]]) -> list[str]:
    """The names of parameters whose gradient, or the norm of it, is infinite or NaN."""
    return [
        name
        for name, parameter in parameters
        if parameter.grad is not None and not math.isfinite(clip_gradient([parameter], None))
    ]
