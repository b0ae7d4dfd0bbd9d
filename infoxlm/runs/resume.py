"""Search for the run to resume: one cut short, of the same configuration, data and weights."""

import logging
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from infoxlm.errors import UserError
from infoxlm.files.atomic import write_json
from infoxlm.files.lock import lock_folder
from infoxlm.runs.run_folder import CHECKPOINTS, RESULTS, RUN_RECORD, log_into
from infoxlm.runs.run_record import read_run_record, recorded, training_config
from infoxlm.runs.settings import flat_settings

logger = logging.getLogger(__name__)

AUTO = "auto"
#: The remedy where a folder holds no run that can be resumed.
TRAINING_RUN = "Give a folder that `infoxlm train` wrote, such as outputs/train/NAME/TIME."

#: Keys that may change when a run is resumed: where things lie (what they contain is compared by
#: checksum), what is kept and logged, and the machine.
FREE = (
    "data.root", "data.train_root", "data.dev_root", "data.mono", "data.parallel",
    "data.eval_pairs", "data.cache_dir", "model.checkpoint", "consistency.teacher",
    "consistency.dictionaries",
    "trainer.resume", "trainer.replay", "trainer.keep_checkpoints", "trainer.save_every",
    "trainer.log_every", "hardware.device", "hardware.devices", "hardware.threads",
    "hardware.micro_batch_size", "hardware.micro_batch_tokens", "hardware.eval_batch_tokens",
    "hardware.profile",
)  # fmt: skip


class Fingerprint(NamedTuple):
    """Fingerprint of a run: what must not change when it is resumed.

    Attributes:
        settings: The configuration, without what is free.
        data: SHA-256 of the data files, sorted.
        weights: SHA-256 of the weight files, sorted.
    """

    settings: dict[str, Any]
    data: list[str]
    weights: list[str]


@contextmanager
def folder_to_write(
    resume: str | None, folder: Path, wanted: Fingerprint
) -> Iterator[tuple[Path, bool]]:
    """Lock the folder that a run writes while the block lasts.

    Args:
        resume: The value of ``trainer.resume``: a folder, or `AUTO`; None: a run begins.
        folder: The folder of a new run.
        wanted: The fingerprint that a run to be resumed must have.

    Yields:
        The folder, and whether a run in it is resumed.

    Raises:
        UserError: The run that was named cannot be resumed, or the folder is in use.
    """
    with ExitStack() as stack:
        found = None
        if resume == AUTO:
            found = newest_unfinished(folder, wanted, stack)
            if found is None:
                logger.info("No unfinished run of this configuration: a new one begins")
        elif resume is not None:
            found = Path(resume).expanduser()
            check_same_run(found, wanted)
            stack.enter_context(lock_folder(found))
        if found is None:
            stack.enter_context(lock_folder(folder))
            check_unused(folder)
        elif found != folder:
            log_into(found)
        yield found or folder, found is not None


def newest_unfinished(folder: Path, wanted: Fingerprint, stack: ExitStack) -> Path | None:
    """Lock the newest unfinished run of a configuration next to `folder`, or in it.

    A single run's neighbours are the runs of its command, a job's those of sweeps of its name.
    """
    started = {}
    runs = folder.parent.parent
    begun = [*runs.glob(f"*/*/{RUN_RECORD}"), *runs.glob(f"*/*/{CHECKPOINTS}")]
    for run in sorted({folder, *(path.parent for path in begun)}):
        try:
            if holds_run(run) and not (run / RESULTS).exists():
                record = read_run_record(run)
                found = mismatches(wanted, record)
                if not found:
                    (started[run],) = recorded(record, "started")
                elif run == folder:
                    logger.warning("%s is passed over: it began with %s", run, ", ".join(found))
        except (UserError, OSError) as error:
            problem = error.problem if isinstance(error, UserError) else error.strerror
            logger.warning("%s is passed over: %s", run, problem)
    for run in sorted(started, key=lambda run: (started[run], run), reverse=True):
        try:
            stack.enter_context(lock_folder(run))
        except UserError as error:
            logger.info("%s: passed over", error.problem)
        else:
            return run
    return None


def holds_run(folder: Path) -> bool:
    """Tell whether a run was begun in a folder; its record may have been lost."""
    return (folder / RUN_RECORD).exists() or (folder / CHECKPOINTS).exists()


def check_same_run(run: Path, wanted: Fingerprint) -> None:
    """Check that a run can be resumed.

    Raises:
        UserError: It is finished, is no training run, or differs in what matters.
    """
    if not (run / RUN_RECORD).is_file():
        problem = f"is not the folder of a run: it has no {RUN_RECORD}"
        if not run.is_dir():
            problem = "is a file" if run.exists() else "does not exist"
        raise UserError(f"trainer.resume={run} {problem}", TRAINING_RUN)
    try:
        record = read_run_record(run)
        scoring = "trainer" not in record.get("config", {"trainer": None})
        finished = (run / RESULTS).exists()
        found = [] if scoring or finished else mismatches(wanted, record)
    except UserError as error:
        raise UserError(f"trainer.resume={run}: {error.problem}", error.remedy) from error
    if scoring:
        raise UserError(f"trainer.resume={run} is a scoring, not a training run", TRAINING_RUN)
    if finished:
        raise UserError(
            f"trainer.resume={run}: that run is finished",
            "Score it with `infoxlm evaluate`, or leave trainer.resume out to train again.",
        )
    if found:
        raise UserError(
            f"trainer.resume={run} began with {', '.join(found)}",
            "Give the configuration it began with, or leave trainer.resume out.",
        )


def check_unused(folder: Path) -> None:
    """Check that a folder holds no run yet.

    Raises:
        UserError: It does.
    """
    if not holds_run(folder):
        return
    other = "Give another folder with hydra.run.dir=FOLDER"
    if (folder / RESULTS).exists():
        raise UserError(f"{folder} holds a finished run already", f"{other}.")
    try:
        read_run_record(folder)
    except UserError as error:
        raise UserError(
            f"{folder} holds a run whose {RUN_RECORD} is missing or damaged",
            f"{other}; the weights of this one are model.checkpoint={folder}",
        ) from error
    raise UserError(
        f"{folder} holds an unfinished run already",
        f"{other}, or resume that run: trainer.resume={folder}",
    )


def fingerprint(
    settings: Mapping[str, Any], data: Mapping[str, str], weights: Mapping[str, str]
) -> Fingerprint:
    """Make a run's fingerprint.

    Args:
        settings: The configuration, flat.
        data: SHA-256 of the data files.
        weights: SHA-256 of the weight files.
    """
    kept = {key: value for key, value in settings.items() if key not in FREE}
    return Fingerprint(kept, sorted(data.values()), sorted(weights.values()))


def mismatches(wanted: Fingerprint, record: Mapping[str, Any]) -> list[str]:
    """The differences between a run's record and the fingerprint wanted, in words.

    Raises:
        UserError: The record is not of this version.
    """
    settings = flat_settings(training_config(record))
    theirs = fingerprint(settings, *recorded(record, "data", "weights"))
    found = [
        f"{key}={theirs.settings.get(key)} instead of {wanted.settings.get(key)}"
        for key in sorted(wanted.settings.keys() | theirs.settings.keys())
        if wanted.settings.get(key) != theirs.settings.get(key)
    ]
    if wanted.data != theirs.data:
        found.append("data files of other content")
    if wanted.weights != theirs.weights:
        found.append("a model.checkpoint of other content")
    return found


def record_resume(folder: Path) -> None:
    """Add to run.json that, when and by which command its run was resumed."""
    record = read_run_record(folder)
    resumed = record.setdefault("resumed", [])
    resumed.append(
        {"started": datetime.now(UTC).isoformat(timespec="seconds"), "command": sys.argv}
    )
    write_json(folder / RUN_RECORD, record)
