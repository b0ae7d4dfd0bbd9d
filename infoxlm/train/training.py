"""A training run from its inputs to its scores."""

import logging
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING

from infoxlm.evaluate.evaluator import Evaluator
from infoxlm.evaluate.predictions import Predictions
from infoxlm.evaluate.scores import Scores
from infoxlm.runs.context import RunContext
from infoxlm.runs.run_folder import CHECKPOINTS
from infoxlm.runs.settings import compared_settings
from infoxlm.schema import BaseTrainConfig, HardwareConfig
from infoxlm.train.building import build_trainer, load_model, log_plan
from infoxlm.train.checkpoints import Checkpoints
from infoxlm.train.inputs import Inputs
from infoxlm.train.resume_point import check_best, find_resume_point
from infoxlm.train.speed import FlopCounter
from infoxlm.train.step_profile import StepProfile
from infoxlm.train.training_state import TrainingState

if TYPE_CHECKING:
    from paddle import nn

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class TrainResult:
    """Result of a training run: its state, scores on test, and speed.

    Attributes:
        encoder: The name of the encoder that was trained.
        state: The final state of training, with the best scores on dev.
        test: The best checkpoint's scores on test; None where the task has no such split.
        predictions: Its predictions there; on dev where there is no test, None without either.
        scoring_seconds: The seconds that these took.
        flops: Counts of tokens and FLOPs.
        machine: FLOPs a second of the machine's matrix products meanwhile; None on GPUs.
        ranks: The number of processes.
        examples: The number of training examples.
    """

    encoder: str
    state: TrainingState
    test: Scores | None
    predictions: Predictions | None
    scoring_seconds: float
    flops: FlopCounter
    machine: float | None
    ranks: int = 1
    examples: int | None = None


def train(config: BaseTrainConfig, inputs: Inputs, run: RunContext) -> TrainResult:
    """Train, and score test from the best checkpoint, or dev where there is no test.

    Args:
        config: The run's configuration.
        inputs: Its task, data, tokenizer and checkpoint.
        run: The run, open.

    Raises:
        Interrupted: The user wanted an end; everything is saved.
        UserError: The checkpoint does not fit, a loss is not finite, the disk is full, or the
            best checkpoint is damaged.
    """
    checkpoints = Checkpoints(run.folder / CHECKPOINTS, config.trainer.keep_checkpoints)
    ranks = run.ranks
    point = None
    if run.resumed:
        point = ranks.first(lambda: find_resume_point(checkpoints, config.trainer.select_on))
    with run.timings.measure("loading"):
        device = ranks.device(config.hardware.device)
        model = load_model(config.model, inputs, device, config.seed, point)
    run.begin(point.folder if point else None)
    with run.timings.measure("loading"):
        trainer = build_trainer(config, inputs, run, model, checkpoints, point)
    if run.resumed:
        logger.info("Resuming %s after step %d", run.folder, trainer.state.step)
    log_plan(trainer)
    profiled = config.hardware.profile and not ranks.rank
    with StepProfile(run.folder if profiled else None) as profile:
        state = trainer.train(profile)
    flops, machine = trainer.flops, trainer.machine.median
    if machine is not None:  # of one rank; the others computed as fast at the same time
        machine *= ranks.size
    encoder, kind = model.config.encoder_name, type(model)
    del trainer, model  # frees their memory: the best checkpoint is loaded
    ranks.wait()  # rank 0 may still be writing that checkpoint
    ranks.first(lambda: check_best(checkpoints, state, run.folder))
    final: dict[str, float] = {}
    if state.best_dev is not None:
        final["dev/best_average"] = state.best_dev.average
    test, predictions, seconds = None, None, 0.0
    split = "dev" if inputs.test is None else "test"
    if inputs.of(split) is not None:
        scores, predictions, seconds = score_best(
            config.hardware, inputs, split, run, kind, checkpoints
        )
        if split == "test":
            test = scores
            final |= test.tags("test")
    run.tracker.hyperparameters(compared_settings(run.settings), final, state.step)
    count = sum(map(len, inputs.train))
    return TrainResult(
        encoder, state, test, predictions, seconds, flops, machine, ranks.size, count
    )


def score_best(
    hardware: HardwareConfig,
    inputs: Inputs,
    split: str,
    run: RunContext,
    kind: "type[nn.Layer]",
    checkpoints: Checkpoints,
) -> tuple[Scores, Predictions, float]:
    """Score a split with the best checkpoint: scores, predictions, and the seconds they took.

    Raises:
        Interrupted: The user wanted an end.
    """
    best, ranks = kind.from_pretrained(checkpoints.best), run.ranks
    evaluator, examples = Evaluator(hardware, ranks), inputs.of(split) or []
    started = perf_counter()
    scores, predictions = run.run_or_stop(
        lambda: inputs.task.evaluate(best, examples, evaluator),
        f"stopped before {split} was scored",
    )
    return scores, predictions, perf_counter() - started
