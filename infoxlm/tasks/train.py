"""`infoxlm train`: fine-tune, score every language, report."""

import logging
import resource
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from infoxlm.data.token_ids import TokenIds
from infoxlm.errors import UserError
from infoxlm.evaluate.plot import plot_curves
from infoxlm.evaluate.predictions import write_predictions
from infoxlm.hardware import check_device, load_paddle
from infoxlm.schema import TrainConfig
from infoxlm.tasks.inputs import load_train_inputs
from infoxlm.tasks.reporting import compared_settings, finish, flat_settings
from infoxlm.tracking.metrics_log import read_metrics
from infoxlm.tracking.run_record import write_run_record

if TYPE_CHECKING:
    from infoxlm.train.trainer import TrainingResult

logger = logging.getLogger(__name__)


def run(config: TrainConfig, folder: str | Path) -> float:
    """Train, score test from the best checkpoint, write the report into the run's folder.

    Args:
        config: The run's configuration.
        folder: The run's folder.

    Returns:
        The best checkpoint's dev accuracy by ``trainer.select_on``, for sweeps that search.

    Raises:
        UserError: Something the user gave cannot be used.
    """
    folder = Path(folder)
    if (folder / "run.json").exists():
        raise UserError(
            f"{folder} holds a run already", "Give another folder with hydra.run.dir=FOLDER."
        )
    check_device(config.hardware.device)
    inputs = load_train_inputs(config)

    # paddle is imported only now: a mistake in the data is told in a second, not in five.
    load_paddle()
    from infoxlm.evaluate.scoring import label_columns, score
    from infoxlm.model import InfoXLMForSequenceClassification
    from infoxlm.model.loading import load_classifier, select_device
    from infoxlm.model.precision import Precision
    from infoxlm.tracking.run_tracker import RunTracker, score_tags
    from infoxlm.train.checkpoints import Checkpoints
    from infoxlm.train.gradients import TrainingPairs
    from infoxlm.train.randomness import seed_everything
    from infoxlm.train.trainer import Trainer

    select_device(config.hardware.device)
    seed_everything(config.seed)
    model = load_classifier(
        config.model, inputs.checkpoint, inputs.tokenizer.vocab_size, inputs.max_length
    )
    write_run_record(
        folder / "run.json",
        seed=config.seed,
        device=config.hardware.device,
        data=inputs.checksums,
    )
    encoder = model.config.encoder_name
    columns = np.array(label_columns(model))
    pairs = TrainingPairs(
        TokenIds.concatenate([examples.token_ids for examples in inputs.train]),
        columns[np.concatenate([examples.labels for examples in inputs.train])],
    )
    keep = config.trainer.keep_checkpoints
    checkpoints = Checkpoints(folder / "checkpoints", inputs.tokenizer, keep)
    scoring = partial(
        score,
        max_tokens=config.hardware.eval_batch_tokens,
        precision=Precision(config.hardware.amp),
    )
    settings = flat_settings(config)
    with RunTracker(folder, config.name) as tracker:
        trainer = Trainer(
            config, model, pairs, lambda now: scoring(now, inputs.dev)[0], tracker, checkpoints
        )
        log_plan(config, trainer.batches.per_epoch, trainer.steps, len(pairs.labels))
        result = trainer.train()
        del trainer, model  # make room: test is scored with what was saved as the best
        best = InfoXLMForSequenceClassification.from_pretrained(checkpoints.best)
        started = time.perf_counter()
        test, predictions = scoring(best, inputs.test)
        seconds = time.perf_counter() - started
        final = {"dev/best_average": result.best_dev.average} | score_tags("test", test)
        tracker.hyperparameters(compared_settings(settings), final, result.steps)
    write_predictions(folder / "predictions.jsonl", predictions)
    plot_dev_curves(folder, config.data.eval_languages)
    results = {
        "task": "train",
        "experiment": config.name,
        "model": encoder,
        "data": config.data.name,
        "dev": result.best_dev.as_dict(),
        "test": test.as_dict(),
        "best_step": result.best_step,
        "steps": result.steps,
        "train": training_facts(result),
        "evaluate": {"pairs_per_second": len(predictions) / seconds, "seconds": seconds},
        "settings": settings,
    }
    finish(results, folder, "dashboard  infoxlm dashboard   (every run in the browser)")
    return result.best_dev.selected(config.trainer.select_on)


def log_plan(config: TrainConfig, per_epoch: int, steps: int, pairs: int) -> None:
    """Say what follows from the effective batch size, so that nobody has to derive it."""
    hardware = config.hardware
    size = min(config.trainer.effective_batch_size, pairs)
    rows = f" or {hardware.micro_batch_size} pairs" if hardware.micro_batch_size else ""
    logger.info(
        "%d training pairs, %d a step in micro-batches of at most %d tokens%s: "
        "%d steps an epoch, %d in all",
        pairs, size, hardware.micro_batch_tokens, rows, per_epoch, steps,
    )  # fmt: skip


def training_facts(result: "TrainingResult") -> dict[str, float]:
    """Speed, time and memory of a training run for results.json."""
    return {
        "pairs_per_second": result.pairs / result.seconds,
        "seconds": result.seconds,
        "pairs": result.pairs,
        # Linux counts ru_maxrss in kilobytes.
        "peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def plot_dev_curves(folder: Path, languages: list[str]) -> None:
    """Draw how dev accuracy of each language went, from what was logged."""
    points = [
        {"step": line["step"], "accuracy": {x: line[f"dev/accuracy/{x}"] for x in languages}}
        for line in read_metrics(folder / "metrics.jsonl")
        if "dev/accuracy/average" in line
    ]
    plot_curves(points, folder / "curves.png")
