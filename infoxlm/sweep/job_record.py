"""job.json: the state of a sweep's job, written by whichever process runs it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from pathlib import Path

from infoxlm.evaluate.metric import ACCURACY, Metric
from infoxlm.files.atomic import write_json
from infoxlm.files.lock import is_locked, wait_for_lock
from infoxlm.sweep.typed_record import read_record

JOB_RECORD = "job.json"
TRACEBACK = "traceback.txt"
_LOCK = ".job.lock"


class JobState(StrEnum):
    """State of a job; `cut` is one whose process ended without saying how."""

    missing = "missing"
    running = "running"
    cut = "cut"
    finished = "finished"
    failed = "failed"


@dataclass(frozen=True)
class JobRecord:
    """Record of a job, in a file of its folder.

    Attributes:
        state: Never `cut` in the file: a job that is cut short cannot write that down.
        host: The machine that ran it.
        process: The number of its process there.
        started: When, in ISO format.
        ended: When; None while it runs.
        value: The command's return value, such as the best dev accuracy.
        problem: Why it failed, in one line.
        remedy: What to do about it; empty after a programming error, which leaves a traceback.
        repeats: The number of the earlier job of the same configuration whose result this is; None
            of a job that was run itself.
    """

    state: JobState
    host: str = ""
    process: int = 0
    started: str = ""
    ended: str | None = None
    value: float | None = None
    problem: str = ""
    remedy: str = ""
    repeats: int | None = None

    def outcome(self, metric: Metric = ACCURACY) -> str:
        """The outcome in a line: its value, or its problem.

        Args:
            metric: The metric of its value.
        """
        if self.state is not JobState.finished:
            return self.problem
        return "done" if self.value is None else metric.with_unit(self.value, digits=2)

    def write(self, folder: Path) -> None:
        """Write a job's job.json, whole or not at all."""
        write_json(folder / JOB_RECORD, asdict(self), indent=1)


def read_job(folder: Path) -> JobRecord:
    """Read the record of a folder's job, with the state that it has now.

    A job that is said to run in a folder that no process holds was cut short. What cannot be read
    counts as missing.
    """
    record = _as_written(folder)
    if record.state is JobState.running and not is_job_locked(folder):
        record = _as_written(folder)  # it may have ended between the two looks
        if record.state is JobState.running:
            return replace(record, state=JobState.cut)
    return record


def _as_written(folder: Path) -> JobRecord:
    try:
        return read_record(JobRecord, folder / JOB_RECORD)
    except (OSError, ValueError):
        return JobRecord(JobState.missing)


@contextmanager
def lock_job(folder: Path) -> Iterator[None]:
    """Lock a job's folder while the block lasts, after waiting for a process that has it.

    The system lets go of it when a process dies, however it dies.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with wait_for_lock(folder / _LOCK):
        yield


def is_job_locked(folder: Path) -> bool:
    """Tell whether a process is at work in a job's folder."""
    return is_locked(folder / _LOCK)
