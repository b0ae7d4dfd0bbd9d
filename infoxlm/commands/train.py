"""`infoxlm train`: fine-tune, score every language, report."""

import json
import logging
import resource
import shlex
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from rich.table import Table

from infoxlm.commands.inputs import TrainInputs, load_train_inputs
from infoxlm.commands.reporting import finish
from infoxlm.distributed.launch import run_ranks
from infoxlm.errors import UserError
from infoxlm.evaluate.plot import plot_curves
from infoxlm.evaluate.predictions import write_predictions
from infoxlm.files.atomic import atomic_path
from infoxlm.hardware.environment import check_device, load_paddle
from infoxlm.hardware.place import Place
from infoxlm.reporting.console import show
from infoxlm.runs.resume import identity, note_resumption, refuse_used, run_to_write
from infoxlm.runs.run_folder import RUN_RECORD
from infoxlm.runs.run_record import weights_checksums, write_run_record
from infoxlm.runs.settings import flat_settings
from infoxlm.schema import TrainConfig
from infoxlm.schema.free_text import typed_path
from infoxlm.stopping import Interrupted
from infoxlm.tracking.metrics_log import METRICS, read_metrics
from infoxlm.tracking.part_seconds import PartSeconds

if TYPE_CHECKING:
    from infoxlm.train.fine_tuning import FineTuned
    from infoxlm.train.replay import Replay

logger = logging.getLogger(__name__)


def run(config: TrainConfig, folder: str | Path) -> float | None:
    """Train, score test from the best checkpoint, write the report into the run's folder.

    Args:
        config: The run's configuration.
        folder: The run's folder; with ``trainer.resume`` the run that is gone on with is written
            instead, if there is one.

    Returns:
        The best checkpoint's dev accuracy by ``trainer.select_on``, for sweeps that search; None
        after a replay.

    Raises:
        UserError: Something the user gave cannot be used.
        Interrupted: The user wanted an end; everything is saved.
    """
    folder, place = Path(folder), Place.of_this_process()
    check_device(config.hardware.device)
    if place.size == 1 and config.hardware.devices > 1 and config.trainer.replay is None:
        return run_ranks(config, folder)
    refuse_other_sizes(config, place)
    if config.trainer.resume is None and place.rank == 0:
        refuse_used(folder)
    parts = PartSeconds()
    with parts.measure("data"):
        inputs = load_train_inputs(config)
    weights = {} if inputs.checkpoint is None else weights_checksums(inputs.checkpoint)
    identical = identity(config, inputs.checksums, weights)
    with ExitStack() as held:
        resumed = False
        if place.rank == 0:
            writing = run_to_write(config, folder, inputs.checksums, weights)
            folder, resumed = held.enter_context(writing)
        # paddle is imported only now: a mistake in the data is told in a second, not in five.
        with parts.measure("loading"):
            load_paddle()
        if config.trainer.replay is not None:
            run_replay(config, inputs, folder)
            return None
        from infoxlm.distributed.ranks import RankLostError, Ranks
        from infoxlm.train.fine_tuning import fine_tune

        ranks = Ranks.join()
        ranks.refuse_strangers(repr(identical))
        folder, resumed = ranks.first(lambda: (Path(folder).absolute(), resumed))

        def record() -> None:
            if place.rank:
                return
            if resumed:
                note_resumption(folder)
                return
            write_run_record(
                folder / RUN_RECORD,
                config=config,
                device=config.hardware.device,
                data=inputs.checksums,
                weights=weights,
            )

        try:
            result = fine_tune(config, inputs, folder, resumed, parts, ranks, record)
        except Interrupted as stopped:
            raise Interrupted(
                f"{stopped.message}. Go on with: {resuming_command(folder)}", stopped.signal_number
            ) from None
        except RankLostError as lost:
            raise RankLostError(lost.problem, f"Go on with: {resuming_command(folder)}") from lost
        if place.rank == 0:
            report(config, result, folder, parts)
    assert result.state.best_dev is not None
    return result.state.best_dev.selected(config.trainer.select_on)


def refuse_other_sizes(config: TrainConfig, place: Place) -> None:
    """Check that as many processes were started as the configuration speaks of, if it does.

    Raises:
        UserError: They were not.
    """
    devices = config.hardware.devices
    if place.size > 1 and devices not in (1, place.size):
        raise UserError(
            f"hardware.devices={devices} in a launch of {place.size} processes",
            "Leave it out: the launcher has decided.",
        )


def report(config: TrainConfig, result: "FineTuned", folder: Path, parts: PartSeconds) -> None:
    """Write what came of a run, results.json last: it marks the run as finished."""
    state = result.state
    assert state.best_dev is not None
    write_predictions(folder / "predictions.jsonl", result.predictions)
    plot_dev_curves(folder, config.data.eval_languages)
    results = {
        "task": "train",
        "experiment": config.name,
        "model": result.encoder,
        "data": config.data.name,
        "dev": state.best_dev.as_dict(),
        "test": result.test.as_dict(),
        "best_step": state.best_step,
        "steps": state.step,
        "train": {
            **result.work.report(state.seconds, result.machine),
            "seconds": state.seconds,
            # Linux counts ru_maxrss in kilobytes.
            "peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            "devices": result.ranks,
            # Of this process: a run that was gone on with counts from there.
            "parts": parts.seconds,
        },
        "evaluate": {
            "pairs_per_second": len(result.predictions) / result.scoring_seconds,
            "seconds": result.scoring_seconds,
        },
        "settings": flat_settings(config),
    }
    finish(results, folder, "dashboard  infoxlm dashboard   (every run in the browser)")


def plot_dev_curves(folder: Path, languages: list[str]) -> None:
    """Draw how dev accuracy of each language went, from what was logged."""
    points = [
        {"step": line["step"], "accuracy": {x: line[f"dev/accuracy/{x}"] for x in languages}}
        for line in read_metrics(folder / METRICS)
        if "dev/accuracy/average" in line
    ]
    plot_curves(points, folder / "curves.png")


def resuming_command(folder: Path) -> str:
    """What to type to go on with the run of this command line."""
    program, *words = sys.argv
    kept = [x for x in words if not x.startswith(("trainer.resume=", "hydra.run.dir="))]
    return f"{program} {shlex.join([*kept, f'trainer.resume={typed_path(str(folder))}'])}"


def run_replay(config: TrainConfig, inputs: TrainInputs, folder: Path) -> None:
    """Compute a failed step again, write replay.json and show the pairs that stand out."""
    from infoxlm.train.replay import replay

    batch = Path(config.trainer.replay or "").expanduser()
    result = replay(config, inputs, folder, batch)
    with atomic_path(folder / "replay.json") as temporary:
        text = json.dumps(result.as_dict(), indent=1, ensure_ascii=False)
        temporary.write_text(text + "\n", encoding="utf-8")
    show(replay_table(result), f"all pairs  {folder / 'replay.json'}")


def replay_table(result: "Replay", shown: int = 10) -> Table:
    """The pairs of a replayed step that stand out."""

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
    for pair in result.pairs[:shown]:
        table.add_row(
            number(pair["loss"]), str(pair["tokens"]), pair["language"], str(pair["row"]),
            pair["file"],
        )  # fmt: skip
    return table
