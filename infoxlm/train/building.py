"""The model and the trainer of a run, built from its configuration and inputs."""

import logging
from typing import TYPE_CHECKING

from infoxlm.evaluate.evaluator import Evaluator
from infoxlm.evaluate.scores import Scores
from infoxlm.model.loading import select_device
from infoxlm.reporting.counts import counted
from infoxlm.runs.context import RunContext
from infoxlm.schema import BaseTrainConfig, ModelConfig
from infoxlm.tasks.consistency.build import with_consistency
from infoxlm.tasks.stream import TrainingStream
from infoxlm.train.checkpoints import Checkpoints
from infoxlm.train.inputs import Inputs
from infoxlm.train.randomness import seed_everything
from infoxlm.train.resume_point import ResumePoint
from infoxlm.train.train_module import TrainModule
from infoxlm.train.trainer import Trainer

if TYPE_CHECKING:
    from paddle import nn

logger = logging.getLogger(__name__)


def load_model(
    config: ModelConfig, inputs: Inputs, device: str, seed: int, point: ResumePoint | None
) -> "nn.Layer":
    """The model to train, on its device: a checkpoint's, or one of random weights."""
    select_device(device)
    seed_everything(seed)
    model = inputs.task.build_model(
        config,
        point.folder if point else inputs.checkpoint,
        inputs.tokenizer.vocab_size,
        inputs.max_length,
        new_head=config.new_head and point is None,
    )
    if point:  # a run removes its older checkpoints
        model.read_whole()
    return model


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

    run.run_or_stop(work, "stopped before the first step")


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
    hardware = trainer.module.hardware
    size = hardware.micro_batch_size
    rows = f" or {counted(size, 'example')}" if size else ""
    if trainer.run.ranks.size > 1:
        logger.info("%d ranks share the examples of each step", trainer.run.ranks.size)
    for stream in trainer.module.streams:
        name = f"{stream.name}: " if len(trainer.module.streams) > 1 else ""
        logger.info(
            "%s%s, %d a step in micro-batches of at most %d tokens%s: %s an epoch, %d in all",
            name, counted(len(stream.examples), "training example"),
            len(stream.sampler.rows(0)),
            hardware.micro_batch_tokens, rows, counted(stream.sampler.per_epoch, "step"),
            trainer.steps,
        )  # fmt: skip
