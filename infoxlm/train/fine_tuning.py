"""A training run from its inputs to its scores: all that happens between data and report."""

import logging
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np

from infoxlm.distributed.ranks import Ranks
from infoxlm.evaluate.metrics import SplitScores
from infoxlm.evaluate.predictions import Predictions
from infoxlm.evaluate.scoring import label_columns, score
from infoxlm.model import InfoXLMForSequenceClassification
from infoxlm.model.loading import load_classifier, select_device
from infoxlm.model.precision import Precision
from infoxlm.runs.run_folder import CHECKPOINTS
from infoxlm.runs.settings import compared_settings, flat_settings
from infoxlm.schema import TrainConfig
from infoxlm.stopping import Interrupted, StopRequests
from infoxlm.tokenization.token_ids import TokenIds
from infoxlm.tracking.part_seconds import PartSeconds
from infoxlm.tracking.run_tracker import RunTracker, SilentTracker, score_tags
from infoxlm.train.checkpoints import Checkpoints
from infoxlm.train.randomness import seed_everything
from infoxlm.train.resume_point import ResumePoint, check_best, find_resume_point
from infoxlm.train.step_profile import StepProfile
from infoxlm.train.trainer import Trainer
from infoxlm.train.training_pairs import PairOrigins, TrainingPairs
from infoxlm.train.training_state import TrainingState
from infoxlm.train.work import Work

if TYPE_CHECKING:
    from infoxlm.commands.inputs import TrainInputs

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class FineTuned:
    """What came of a training run.

    Attributes:
        encoder: The name of the encoder that was fine-tuned.
        state: How far training went, and the best scores on dev.
        test: The best checkpoint's scores on test.
        predictions: Its predictions there.
        scoring_seconds: How long these took.
        work: What training computed.
        machine: Operations a second of the machine's matrix products meanwhile; None on GPUs.
        ranks: How many processes did it together.
    """

    encoder: str
    state: TrainingState
    test: SplitScores
    predictions: Predictions
    scoring_seconds: float
    work: Work
    machine: float | None
    ranks: int = 1


def fine_tune(
    config: TrainConfig,
    inputs: "TrainInputs",
    folder: Path,
    resumed: bool,
    parts: PartSeconds,
    ranks: Ranks | None = None,
    begin: Callable[[], None] = lambda: None,
) -> FineTuned:
    """Train, and score test from the best checkpoint.

    Args:
        config: The run's configuration.
        inputs: Its data, tokenizer and checkpoint.
        folder: The run's folder, held by this process.
        resumed: Whether the run goes on from its newest checkpoint.
        parts: Where the seconds of each part are added up.
        ranks: The processes that do it together; None: this one alone.
        begin: Called when the weights are read, before anything is written.

    Raises:
        Interrupted: The user wanted an end; everything is saved.
        UserError: The checkpoint does not fit, a loss is not finite, the disk is full, or the
            best checkpoint is damaged.
    """
    checkpoints = Checkpoints(folder / CHECKPOINTS, config.trainer.keep_checkpoints)
    ranks = ranks or Ranks()
    point = None
    if resumed:
        point = ranks.first(lambda: find_resume_point(checkpoints, config.trainer.select_on))
    with StopRequests() as stop, ExitStack() as opened:
        with parts.measure("loading"):
            model = load_model(config, inputs, point, ranks)
        begin()
        logged = point.folder if point else None
        tracker = SilentTracker() if ranks.rank else RunTracker(folder, config.name, logged)
        opened.enter_context(tracker)
        with parts.measure("loading"):
            trainer = build_trainer(
                config, inputs, tracker, checkpoints, point, parts, ranks, model
            )
        if resumed:
            logger.info("Going on with %s after step %d", folder, trainer.state.step)
        log_plan(trainer, len(trainer.learner.pairs.labels))
        encoder = trainer.learner.model.config.encoder_name
        profiled = config.hardware.profile and not ranks.rank
        with StepProfile(folder if profiled else None) as profile:
            state = trainer.train(stop, profile)
        work, machine = work_of(trainer), trainer.machine.median
        if machine is not None:  # what a rank finds, beside the others
            machine *= ranks.size
        del trainer, model  # make room: test is scored with what was saved as the best
        ranks.wait()  # until rank 0 has saved it
        ranks.first(lambda: check_best(checkpoints, state, folder))
        best = InfoXLMForSequenceClassification.from_pretrained(checkpoints.best)
        started = perf_counter()
        scored = ranks.unless_requested(stop, lambda: scoring(config, ranks)(best, inputs.test))
        if scored is None:
            number = ranks.signal_number(stop)
            assert number is not None
            raise Interrupted("stopped before test was scored", number)
        seconds = perf_counter() - started
        test, predictions = scored
        assert state.best_dev is not None
        final = {"dev/best_average": state.best_dev.average} | score_tags("test", test)
        tracker.hyperparameters(compared_settings(flat_settings(config)), final, state.step)
    return FineTuned(encoder, state, test, predictions, seconds, work, machine, ranks.size)


def build_trainer(
    config: TrainConfig,
    inputs: "TrainInputs",
    tracker: RunTracker,
    checkpoints: Checkpoints,
    point: ResumePoint | None,
    parts: PartSeconds | None = None,
    ranks: Ranks | None = None,
    model: InfoXLMForSequenceClassification | None = None,
) -> Trainer:
    """Lay everything out for a model's training.

    Args:
        config: The run's configuration.
        inputs: Its data, tokenizer and checkpoint.
        tracker: Where the numbers go.
        checkpoints: Where the weights go.
        point: Where the run resumes from; None: it begins.
        parts: Where the seconds of each part are added up.
        ranks: The processes that train together; None: this one alone.
        model: What `load_model` loaded; None: it is loaded here.
    """
    ranks = ranks or Ranks()
    model = model or load_model(config, inputs, point, ranks)
    columns = np.array(label_columns(model))
    pairs = TrainingPairs(
        TokenIds.concatenate([examples.token_ids for examples in inputs.train]),
        columns[np.concatenate([examples.labels for examples in inputs.train])],
    )
    score_dev = scoring(config, ranks)
    trainer = Trainer(
        config,
        model,
        inputs.tokenizer,
        pairs,
        PairOrigins(inputs.train, inputs.train_files),
        lambda now: score_dev(now, inputs.dev)[0],
        tracker,
        checkpoints,
        parts or PartSeconds(),
        ranks,
    )
    if point is not None:
        trainer.restore(point)
    return trainer


def load_model(
    config: TrainConfig, inputs: "TrainInputs", point: ResumePoint | None, ranks: Ranks
) -> InfoXLMForSequenceClassification:
    """The model to train, on its device: a checkpoint's, or one of random weights."""
    select_device(ranks.device(config.hardware.device))
    seed_everything(config.seed)
    return load_classifier(
        config.model,
        point.folder if point else inputs.checkpoint,
        inputs.tokenizer.vocab_size,
        inputs.max_length,
        new_head=config.model.new_head and point is None,
    )


def scoring(
    config: TrainConfig, ranks: Ranks | None = None
) -> partial[tuple[SplitScores, Predictions]]:
    """The function that scores a model on encoded examples, as the hardware wants it."""
    return partial(
        score,
        max_tokens=config.hardware.eval_batch_tokens,
        precision=Precision(config.hardware.amp),
        ranks=ranks,
    )


def log_plan(trainer: Trainer, pairs: int) -> None:
    """Say what follows from the effective batch size, so that nobody has to derive it."""
    hardware = trainer.config.hardware
    size = min(trainer.config.trainer.effective_batch_size, pairs)
    rows = f" or {hardware.micro_batch_size} pairs" if hardware.micro_batch_size else ""
    if trainer.ranks.size > 1:
        logger.info("%d ranks share the pairs of each step", trainer.ranks.size)
    logger.info(
        "%d training pairs, %d a step in micro-batches of at most %d tokens%s: "
        "%d steps an epoch, %d in all",
        pairs, size, hardware.micro_batch_tokens, rows, trainer.batches.per_epoch, trainer.steps,
    )  # fmt: skip


def work_of(trainer: Trainer) -> Work:
    """What a run's steps computed, those before it was gone on with among them."""
    hardware, work = trainer.config.hardware, Work()
    for step in range(trainer.state.step):
        work.add(
            trainer.learner.pairs.token_ids.lengths_of(trainer.batches.rows(step)),
            trainer.learner.model.config,
            hardware.micro_batch_tokens,
            hardware.micro_batch_size,
            trainer.ranks.size,
        )
    return work
