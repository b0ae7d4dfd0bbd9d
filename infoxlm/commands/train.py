"""`infoxlm train`: train, score every language, report."""

import resource
from pathlib import Path
from typing import TYPE_CHECKING

from rich.table import Table

from infoxlm.commands.reporting import finish
from infoxlm.distributed.launch import run_ranks
from infoxlm.errors import UserError
from infoxlm.evaluate.plot import plot_curves
from infoxlm.evaluate.predictions import write_predictions
from infoxlm.files.atomic import write_json
from infoxlm.hardware.environment import check_device
from infoxlm.hardware.place import ProcessInfo
from infoxlm.reporting.console import show
from infoxlm.runs.context import open_run
from infoxlm.runs.resume import check_unused
from infoxlm.runs.run_folder import CHECKPOINTS
from infoxlm.schema import BaseTrainConfig, HardwareConfig, PretrainConfig
from infoxlm.tasks.registry import reported_task
from infoxlm.tracking.metrics_log import METRICS, read_metrics
from infoxlm.tracking.timings import Timings
from infoxlm.train.inputs import load_inputs

if TYPE_CHECKING:
    from infoxlm.runs.context import RunContext
    from infoxlm.train.inputs import Inputs
    from infoxlm.train.replay import Replay
    from infoxlm.train.training import TrainResult


def run(config: BaseTrainConfig, folder: str | Path) -> float | None:
    """Train, score test from the best checkpoint, write the report into the run's folder.

    Args:
        config: The run's configuration.
        folder: The run's folder; with ``trainer.resume`` the run that is resumed is written
            instead, if there is one.

    Returns:
        The best checkpoint's dev score by ``trainer.select_on``, for sweeps that search; None
        after a replay.

    Raises:
        UserError: Something the user gave cannot be used.
        Interrupted: The user wanted an end; everything is saved.
    """
    folder, trainer, process = Path(folder), config.trainer, ProcessInfo.of_this_process()
    check_device(config.hardware.device, config.hardware.amp)
    if process.size == 1 and config.hardware.devices > 1 and trainer.replay is None:
        return run_ranks(run, config, config.hardware, folder)
    check_launch(config.hardware, process)
    if trainer.resume is None and process.rank == 0:
        check_unused(folder)
    timings = Timings()
    with timings.measure("data"):
        inputs = load_inputs(config)
    weights = inputs.weights_checksums()
    with open_run(config, folder, inputs.checksums, weights, timings) as opened:
        if trainer.replay is not None:
            write_replay(config, inputs, opened)
            return None
        from infoxlm.train.training import train

        result = train(config, inputs, opened)
        if opened.ranks.rank == 0:
            write_report(command_of(config), result, opened)
    best = result.state.best_dev
    return None if best is None else best.value(trainer.select_on)


def check_launch(hardware: HardwareConfig, process: ProcessInfo) -> None:
    """Check that as many processes were started as the configuration speaks of, if it does.

    Raises:
        UserError: They were not.
    """
    if process.size > 1 and hardware.devices not in (1, process.size):
        raise UserError(
            f"hardware.devices={hardware.devices} in a launch of {process.size} processes",
            "Leave it out: the launcher has decided.",
        )


def command_of(config: BaseTrainConfig) -> str:
    """The command that a configuration is of."""
    return "pretrain" if isinstance(config, PretrainConfig) else "train"


def write_report(command: str, result: "TrainResult", run: "RunContext") -> None:
    """Write a run's predictions, curves and report; results.json, the last, marks it finished."""
    state, folder = result.state, run.folder
    scores = {"start": state.start, "dev": state.best_dev, "test": result.test}
    results = {
        "task": command,
        "task_name": run.settings["task.name"],
        "experiment": run.name,
        "model": result.encoder,
        "data": run.settings["data.name"],
        **{split: found.as_dict() for split, found in scores.items() if found is not None},
        "best_step": state.best_step,
        "steps": state.step,
        "train": {
            **result.flops.report(state.seconds, result.machine),
            "seconds": state.seconds,
            # Linux counts ru_maxrss in kilobytes.
            "peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            "devices": result.ranks,
            "examples": result.examples,
            # Of this process: a run that was resumed counts from there.
            "parts": run.timings.seconds,
        },
    }
    if result.predictions is not None:
        write_predictions(folder / "predictions.jsonl", result.predictions)
        reported_task(results).write_files(result.predictions, folder)
        results["evaluate"] = {
            "pairs_per_second": len(result.predictions) / result.scoring_seconds,
            "seconds": result.scoring_seconds,
        }
    if state.best_dev is not None:
        plot_curves(read_metrics(folder / METRICS), state.best_dev, folder / "curves.png")
    results["settings"] = dict(run.settings)
    finish(results, folder, "dashboard  infoxlm dashboard   (every run in the browser)")


def write_replay(config: BaseTrainConfig, inputs: "Inputs", run: "RunContext") -> None:
    """Compute a failed step again, write replay.json and show the examples that stand out."""
    from infoxlm.files.manifest import check_manifest
    from infoxlm.tracking.run_tracker import SilentTracker
    from infoxlm.train.building import build_trainer, load_model
    from infoxlm.train.checkpoints import Checkpoints
    from infoxlm.train.failed_step import FailedStep
    from infoxlm.train.replay import replay
    from infoxlm.train.resume_point import ResumePoint
    from infoxlm.train.training_state import TrainingState

    batch = Path(config.trainer.replay or "").expanduser()
    failed = FailedStep.read(batch)
    check_manifest(batch.parent)
    point = ResumePoint(batch.parent, TrainingState.read(batch.parent))
    model = load_model(config.model, inputs, config.hardware.device, config.seed, point)
    run.tracker = SilentTracker()
    checkpoints = Checkpoints(run.folder / CHECKPOINTS, keep=0)
    trainer = build_trainer(config, inputs, run, model, checkpoints, point)
    result = replay(trainer.module, failed)
    write_json(run.folder / "replay.json", result.as_dict(), indent=1)
    show(replay_table(result), f"all examples  {run.folder / 'replay.json'}")


def replay_table(result: "Replay", shown: int = 10) -> Table:
    """The examples of a replayed step that stand out."""

    def number(value: float | None) -> str:
        return "not finite" if value is None else f"{value:.4g}"

    where = ""
    if result.parameters:
        first, count = result.parameters[0], len(result.parameters)
        where = f"\n{count} parameters have gradients that are not finite, the first {first}"
    table = Table(
        "loss", "tokens", "language", "row", "file",
        title=f"step {result.step}: loss {number(result.loss)}, "
        f"gradient norm {number(result.gradient_norm)}{where}",
    )  # fmt: skip
    for example in result.examples[:shown]:
        table.add_row(
            number(example["loss"]), str(example["tokens"]), example["language"],
            str(example["row"]), example["file"],
        )  # fmt: skip
    return table
