"""Computing a failed step again, to see which pairs and which weights it failed at."""

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import paddle

from infoxlm.files.manifest import check_manifest
from infoxlm.schema import TrainConfig
from infoxlm.tracking.run_tracker import RunTracker
from infoxlm.train.checkpoints import Checkpoints
from infoxlm.train.failed_step import FailedStep, finite
from infoxlm.train.fine_tuning import build_trainer
from infoxlm.train.gradients import clip_gradient
from infoxlm.train.resume_point import ResumePoint
from infoxlm.train.training_state import TrainingState

if TYPE_CHECKING:
    from infoxlm.commands.inputs import TrainInputs


@dataclass(frozen=True)
class Replay:
    """What a step gave when it was computed again.

    Attributes:
        step: Its number, 1 being the first.
        loss: Mean loss of its pairs; None when it is not finite.
        gradient_norm: Global norm of the gradient; None when it is not finite.
        pairs: ``language``, ``file``, ``row``, ``tokens`` and ``loss`` of each pair, those that
            are not finite first, then the highest loss first.
        parameters: Those whose gradient, or the norm of it, is not finite.
    """

    step: int
    loss: float | None
    gradient_norm: float | None
    pairs: list[dict[str, Any]]
    parameters: list[str]

    def as_dict(self) -> dict[str, Any]:
        """The form in replay.json."""
        return asdict(self)


def replay(config: TrainConfig, inputs: "TrainInputs", folder: Path, batch: Path) -> Replay:
    """Compute the gradient of a failed step from the weights it failed with.

    The configuration may be another than the run's: that is how to see what helps.

    Args:
        config: The configuration to compute it with.
        inputs: Data, tokenizer and checkpoint.
        folder: The folder of this run.
        batch: The ``batch.json`` of the failed step.

    Raises:
        UserError: The file or the weights beside it cannot be read, or the training data does
            not hold its pairs.
    """
    failed = FailedStep.read(batch)
    check_manifest(batch.parent)
    with RunTracker(folder, config.name) as tracker:
        checkpoints = Checkpoints(folder / "checkpoints", keep=0)
        point = ResumePoint(batch.parent, TrainingState.read(batch.parent))
        trainer = build_trainer(config, inputs, tracker, checkpoints, point)
        rows = np.array([trainer.origins.find(x["language"], x["row"]) for x in failed.pairs])
        losses, norm = trainer.learner.compute_gradient(rows, failed.step - 1)
        lengths = trainer.learner.pairs.token_ids.lengths_of(rows)
    pairs = [
        trainer.origins.of(row) | {"tokens": int(length), "loss": finite(float(loss))}
        for row, length, loss in zip(rows.tolist(), lengths, losses, strict=True)
    ]
    return Replay(
        failed.step,
        finite(float(losses.mean(dtype=np.float64))),
        finite(norm),
        sorted(pairs, key=lambda pair: (pair["loss"] is not None, -(pair["loss"] or 0.0))),
        not_finite(trainer.learner.model.named_parameters()),
    )


def not_finite(parameters: Iterable[tuple[str, paddle.Tensor]]) -> list[str]:
    """The names of parameters whose gradient, or the norm of it, is infinite or NaN."""
    return [
        name
        for name, parameter in parameters
        if parameter.grad is not None and not math.isfinite(clip_gradient([parameter], None))
    ]
