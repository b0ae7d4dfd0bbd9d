"""A training run from its inputs to its scores."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING

from infoxlm.evaluate.evaluator import Evaluator
from infoxlm.evaluate.predictions import Predictions
from infoxlm.evaluate.scores import Scores
from infoxlm.model.loading import select_device
from infoxlm.reporting.counts import counted
from infoxlm.runs.context import RunContext
from infoxlm.runs.run_folder import CHECKPOINTS
from infoxlm.runs.settings import compared_settings
from infoxlm.schema import BaseTrainConfig, HardwareConfig, ModelConfig
from infoxlm.stopping import Interrupted, Result
from infoxlm.tasks.consistency.build import with_consistency
from infoxlm.tasks.stream import TrainingStream
from infoxlm.train.checkpoints import Checkpoints
from infoxlm.train.inputs import Inputs
from infoxlm.train.randomness import seed_everything
from infoxlm.train.resume_point import ResumePoint, check_best, find_resume_point
from infoxlm.train.speed import FlopCounter
from infoxlm.train.step_profile import StepProfile
from infoxlm.train.train_module import TrainModule
from infoxlm.train.trainer import Trainer
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
    scores, predictions = run_or_stop(
        run,
        lambda: inputs.task.evaluate(best, examples, evaluator),
        f"stopped before {split} was scored",
    )
    return scores, predictions, perf_counter() - started


def run_or_stop(run: RunContext, work: Callable[[], Result], message: str) -> Result:
    """Do what is given up when the user wants an end.

    Args:
        run: The run.
        work: Does it; gives something else than None.
        message: What is said of it when it was given up.

    Raises:
        Interrupted: It was.
    """
    result = run.ranks.run_interruptible(run.stop, work)
    if result is None:
        number = run.ranks.signal_number(run.stop)
        assert number is not None
        raise Interrupted(message, number)
    return result


def load_model(
    config: ModelConfig, inputs: Inputs, device: str, seed: int, point: ResumePoint | None
) -> "nn.Layer":
    """The model to train, on its device: a checkpoint's, or one of random weights."""
    select_device(device)
    seed_everything(seed)
    return inputs.task.build_model(
        config,
        point.folder if point else inputs.checkpoint,
        inputs.tokenizer.vocab_size,
        inputs.max_length,
        new_head=config.new_head and point is None,
    )


def build_trainer(
    config: BaseTrainConfig,
    inputs: Inputs,
    run: RunContext,
    model: "nn.Layer",
    checkpoints: Checkpoints,
    point: ResumePoint | None = None,
) -> Trainer:
    """Build the trainer of a model: its streams, optimizer, dev scoring and state.

    Args:
        config: The run's configuration.
        inputs: Its task, data and tokenizer.
        run: The run, begun.
        model: The model to train, from `load_model`.
        checkpoints: The run's checkpoints.
        point: The checkpoint to resume from; None: the run begins.
    """
    size = config.trainer.effective_batch_size
    streams = inputs.task.streams(model, inputs.train, size, config.seed)
    if inputs.consistency is not None:
        streams = consistent_streams(streams, config.model, inputs)
    epoch = max(stream.sampler.per_epoch for stream in streams)
    steps = config.trainer.max_steps or config.trainer.epochs * epoch
    module = TrainModule(
        model,
        streams,
        optimizer=config.optimizer,
        scheduler=config.scheduler,
        hardware=config.hardware,
        seed=config.seed,
        steps=steps,
        ranks=run.ranks,
    )
    evaluator = Evaluator(config.hardware, run.ranks)

    def score_dev(now: "nn.Layer") -> Scores:
        return inputs.task.evaluate(now, inputs.dev or [], evaluator)[0]

    trainer = Trainer(
        config.trainer,
        module,
        steps,
        inputs.tokenizer,
        None if inputs.dev is None else score_dev,
        run,
        checkpoints,
    )
    if point is None:
        prepare(module, run)
    else:
        trainer.restore(point)
    return trainer


def prepare(module: TrainModule, run: RunContext) -> None:
    """Let the objectives prepare, which may take as long as filling a queue does.

    Raises:
        Interrupted: The user wanted an end; there is nothing to save yet.
    """

    def work() -> bool:
        module.before_training()
        return True

    run_or_stop(run, work, "stopped before the first step")


def consistent_streams(
    streams: list[TrainingStream], config: ModelConfig, inputs: Inputs
) -> list[TrainingStream]:
    """The streams of a task with changed copies, as the inputs say."""
    found = inputs.consistency
    assert found is not None

    def first_stage() -> "nn.Layer":
        assert found.teacher is not None
        vocab_size = inputs.tokenizer.vocab_size
        return inputs.task.build_model(config, found.teacher, vocab_size, inputs.max_length)

    return [
        with_consistency(stream, found, inputs.tokenizer, inputs.max_length, first_stage)
        for stream in streams
    ]


def log_plan(trainer: Trainer) -> None:
    """Log the numbers of examples and of steps, and the sizes of batches."""
    hardware, config = trainer.module.hardware, trainer.config
    size = hardware.micro_batch_size
    rows = f" or {counted(size, 'example')}" if size else ""
    if trainer.run.ranks.size > 1:
        logger.info("%d ranks share the examples of each step", trainer.run.ranks.size)
    for stream in trainer.module.streams:
        name = f"{stream.name}: " if len(trainer.module.streams) > 1 else ""
        logger.info(
            "%s%s, %d a step in micro-batches of at most %d tokens%s: %s an epoch, %d in all",
            name, counted(len(stream.examples), "training example"),
            min(config.effective_batch_size, len(stream.examples)),
            hardware.micro_batch_tokens, rows, counted(stream.sampler.per_epoch, "step"),
            trainer.steps,
        )  # fmt: skip
