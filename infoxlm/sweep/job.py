"""One job of a sweep, in whichever process a launcher runs it."""

import logging
import os
import shlex
import socket
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import chdir, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from infoxlm.constants import TRAINING
from infoxlm.errors import UserError
from infoxlm.evaluate.metric import ACCURACY, Metric
from infoxlm.reporting.console import from_here
from infoxlm.runs.run_folder import RESULTS, RUN_RECORD
from infoxlm.schema import SelectOn
from infoxlm.stopping import Interrupted, tell_launcher
from infoxlm.sweep.job_record import TRACEBACK, JobRecord, JobState, lock_job, read_job
from infoxlm.sweep.sweep_record import SweepRecord, as_settings

logger = logging.getLogger(__name__)

#: The file of a job's output, which goes to the terminal where no other job runs.
TERMINAL = "terminal.txt"


@dataclass(frozen=True)
class CommandLine:
    """The command line that started a sweep; its jobs run as if started by it, too.

    Attributes:
        words: The whole command line.
        directory: The working directory, from which relative paths are taken.
    """

    words: Sequence[str]
    directory: Path

    @contextmanager
    def taken_over(self) -> Iterator[None]:
        """Give this process, a worker somewhere, that command line while the block lasts."""
        before = sys.argv
        sys.argv = list(self.words)
        try:
            with chdir(self.directory):
                yield
        finally:
            sys.argv = before


def run_job(
    work: Callable[[DictConfig], float | None],
    configuration: DictConfig,
    folder: Path,
    line: CommandLine,
    alone: bool,
) -> float | None:
    """Run a job unless it is done, resume it if it was cut short, and record its state.

    Args:
        work: The command, on a composed configuration.
        configuration: The job's.
        folder: The job's folder, named by its number.
        line: The sweep's command line.
        alone: Whether no other job runs at the same time, so that the terminal is its own.

    Returns:
        The command's own return value; None of a job that failed, so that the others run.
    """
    with lock_job(folder), line.taken_over():
        before = read_job(folder)
        if before.state is JobState.finished:
            return before.value
        record = JobRecord(JobState.running, socket.gethostname(), os.getpid(), now())
        record.write(folder)
        (folder / TRACEBACK).unlink(missing_ok=True)
        try:
            if (folder / RESULTS).exists():  # it came to its end, but not to writing that down
                value = value_of_finished(folder, configuration)
            else:
                resume_if_begun(configuration, folder)
                with terminal(folder, alone):
                    value = work(configuration)
        except (UserError, OmegaConfBaseException) as error:
            record = failed(record, error)
        except Exception as error:
            record = failed(record, error)
            (folder / TRACEBACK).write_text(traceback.format_exc(), encoding="utf-8")
            logger.debug("job %s", folder.name, exc_info=True)
        except Interrupted as stopped:  # still "running" there, and nobody does: it was cut
            tell_launcher(stopped)
            raise
        else:
            record = replace(record, state=JobState.finished, value=value)
        record = replace(record, ended=now())
        record.write(folder)
    if not alone:
        sys.__stderr__.write(f"{progress_line(folder, record)}\n")  # type: ignore[union-attr]
    return record.value


def resume_if_begun(configuration: DictConfig, folder: Path) -> None:
    """Set ``trainer.resume`` where a training run was begun in the folder."""
    if (folder / RUN_RECORD).exists() and OmegaConf.select(configuration, "trainer") is not None:
        OmegaConf.update(configuration, "trainer.resume", str(folder))


def value_of_finished(folder: Path, configuration: DictConfig) -> float | None:
    """Get what the run of a folder returned at its end: of a training, the best dev score.

    Other commands return what they scored.
    """
    from infoxlm.evaluate.scores import Scores
    from infoxlm.runs.finished_run import FinishedRun

    run = FinishedRun.read(folder)
    if run.command in TRAINING:
        dev = Scores.from_dict(run.results["dev"])
        return dev.value(SelectOn(OmegaConf.select(configuration, "trainer.select_on")))
    return run.scores.average


def metric_of(folder: Path) -> Metric:
    """The main metric of the run of a folder; accuracy where it cannot be read."""
    from infoxlm.runs.finished_run import FinishedRun

    try:
        return FinishedRun.read(folder).scores.main
    except UserError:
        return ACCURACY


@contextmanager
def terminal(folder: Path, alone: bool) -> Iterator[None]:
    """Keep what a job shows out of the terminal that it shares with others."""
    if alone:
        yield
        return
    with (
        open(folder / TERMINAL, "a", encoding="utf-8") as shown,
        redirect_stdout(shown),
        redirect_stderr(shown),
    ):
        yield


def failed(record: JobRecord, error: Exception) -> JobRecord:
    """The record of a job that an error ended."""
    if isinstance(error, UserError):
        problem, remedy = error.problem, error.remedy
    else:
        reason = " ".join(str(error).split())
        problem, remedy = f"{type(error).__name__}: {reason}".rstrip(": "), ""
    return replace(record, state=JobState.failed, problem=problem, remedy=remedy)


def progress_line(folder: Path, record: JobRecord) -> str:
    """A line for the terminal: a job's outcome, and how many jobs of its sweep are done."""
    sweep = SweepRecord.read(folder.parent)
    number = int(folder.name)
    settings = as_settings(sweep.jobs[number])
    varied = " ".join(f"{key}={settings.get(key)}" for key in sweep.varied())
    states = [read_job(folder.parent / str(n)).state for n in range(len(sweep.jobs))]
    done = sum(state in (JobState.finished, JobState.failed) for state in states)
    outcome = record.outcome(metric_of(folder))
    return f"#{number} {varied}: {record.state}, {outcome} ({done} of {len(states)})"


def resuming_command(sweep: Path) -> str:
    """The command that resumes a sweep."""
    command = SweepRecord.read(sweep).command
    return f"infoxlm {command} --multirun sweep.resume={shlex.quote(str(from_here(sweep)))}"


def now() -> str:
    """The time, in ISO format."""
    return datetime.now(UTC).isoformat(timespec="seconds")
