"""Hydra's launchers, given only the jobs that are to be run, checked and with their threads."""

import logging
import warnings
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from hydra.core.utils import JobReturn, JobStatus
from hydra.plugins.launcher import Launcher
from omegaconf import DictConfig, OmegaConf

from infoxlm.errors import UserError
from infoxlm.files.lock import lock_folder
from infoxlm.hardware.environment import available_cores, environment_threads
from infoxlm.schema.free_text import quoted
from infoxlm.sweep.composing import compose_job
from infoxlm.sweep.job import now
from infoxlm.sweep.job_record import JOB_RECORD, JobRecord, JobState, lock_job, read_job
from infoxlm.sweep.repeats import Repeats, take_result
from infoxlm.sweep.resuming import lengthened
from infoxlm.sweep.search_space import is_search
from infoxlm.sweep.sweep_record import SWEEP_RECORD, SweepRecord
from infoxlm.sweep.threads import jobs_at_once, launcher_of, threads_of_a_job

logger = logging.getLogger(__name__)


class SweepLauncher(Launcher):
    """Stands before one of Hydra's launchers, and keeps the record of the sweep.

    Args:
        launcher: Hydra's launcher, which runs the jobs.
        config: The sweep's configuration, Hydra's part too.
        loader: Hydra's loader, which composes the configuration of a job.
        command: The command of the jobs.
        words: The words typed behind it.
    """

    def __init__(
        self, launcher: Launcher, config: DictConfig, loader: Any, command: str, words: list[str]
    ) -> None:
        self.folder = Path(config.hydra.sweep.dir).absolute()
        self._launcher, self._config, self.loader = launcher, config, loader
        self._settings: Any = OmegaConf.to_container(config.hydra.launcher)
        self._repeats = Repeats()
        self._broken = ""
        self._told_threads = False
        self._lock = ExitStack()
        self._lock.enter_context(lock_folder(self.folder, "hydra.sweep.dir"))
        self.resumed = (self.folder / SWEEP_RECORD).exists()
        if self.resumed:
            self.record = SweepRecord.read(self.folder)
            self.record.words = lengthened(self.record, words)
        else:
            directory = str(Path.cwd())
            self.record = SweepRecord(command, words, directory, now(), is_search(config.hydra))

    def setup(self, **kwargs: Any) -> None:
        """Nothing: the launcher behind was set up before."""

    def release(self) -> None:
        """Let go of the sweep's folder."""
        self._lock.close()

    def launch(
        self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int
    ) -> Sequence[JobReturn]:
        """Check all jobs, run those that are not done, and return the results of all.

        Raises:
            UserError: The first jobs cannot be composed, or are not those of the folder.
        """
        jobs = {
            number: list(overrides)
            for number, overrides in enumerate(job_overrides, start=initial_job_idx)
        }
        self._check_same(jobs)
        composed = {}
        for number, overrides in jobs.items():
            if (config := self._compose(number, overrides)) is not None:
                composed[number] = config
        self.record.jobs[initial_job_idx : initial_job_idx + len(jobs)] = jobs.values()
        self.record.write(self.folder)
        repeats = self._repeats.among(composed)
        firsts = {n: config for n, config in composed.items() if n not in repeats}
        self._run({number: jobs[number] for number in firsts}, firsts)
        self._take_results(repeats)
        return [self._returned(number) for number in jobs]

    def job_folder(self, number: int) -> Path:
        """The folder of a job."""
        return self.folder / str(number)

    def _check_same(self, jobs: dict[int, list[str]]) -> None:
        for number, overrides in jobs.items():
            known = self.record.jobs[number : number + 1]
            if known and known[0] != overrides:
                raise UserError(
                    f"job {number} of {self.folder} was {' '.join(known[0])}, and would now be "
                    f"{' '.join(overrides)}",
                    "Start again: a search can be resumed when its sampler has a seed, and its "
                    "direction is what it was.",
                )

    def _compose(self, number: int, overrides: list[str]) -> DictConfig | None:
        """A job's configuration, checked; None of a later job of a search, which then fails."""
        try:
            return compose_job(self.loader, self._config, overrides, self.record.command)
        except UserError as error:
            folder = self.job_folder(number)
            new = number >= len(self.record.jobs) > 0
            if not new and read_job(folder).state is not JobState.failed:
                raise
            with lock_job(folder):
                record = JobRecord(JobState.failed, started=now(), ended=now())
                replace(record, problem=error.problem, remedy=error.remedy).write(folder)
            return None

    def _run(self, jobs: dict[int, list[str]], composed: dict[int, DictConfig]) -> None:
        """Launch what is not done. Where a process died and took others along, continue without it.

        Raises:
            UserError: The launcher cannot work.
        """
        self._forget_failures(jobs)

        def launch(numbers: list[int]) -> bool:
            overrides = self._launched(numbers, jobs, composed)
            try:
                with warnings.catch_warnings():
                    # joblib's, of workers that grow, as by importing paddle, and are replaced.
                    warnings.filterwarnings("ignore", "A worker stopped while")
                    self._launcher.launch(overrides, numbers[0])
                return True
            except Exception as error:  # the launcher's own: a job's errors are in its record
                reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
                self._broken = f"{launcher_of(self._settings)}: {reason}"
                logger.warning("%s", self._broken)
                logger.debug("the launcher failed", exc_info=True)
                return False

        while todo := [number for number in jobs if self._is_open(number)]:
            if launch(todo):
                return
            if launcher_of(self._settings) == "SlurmLauncher":  # the others may wait in its queue
                return
            dead = [number for number in todo if self._wait(number) is JobState.cut]
            if not dead:
                raise UserError(
                    self._broken, "Mend that; hydra.verbose=true shows where it comes from."
                )
            for number in dead:  # each alone: which one is to blame?
                if not launch([number]) and self._wait(number) is JobState.cut:
                    self._record_death(number)

    def _take_results(self, repeats: dict[int, int]) -> None:
        self._forget_failures(repeats)
        for number, first in repeats.items():
            if self._is_open(number):
                take_result(self.folder, number, first)

    def _forget_failures(self, numbers: Iterable[int]) -> None:
        if not self.resumed or self.record.searches:  # what a search was given stays as it was
            return
        for number in numbers:
            if read_job(self.job_folder(number)).state is JobState.failed:
                (self.job_folder(number) / JOB_RECORD).unlink()

    def _is_open(self, number: int) -> bool:
        state = read_job(self.job_folder(number)).state
        return state not in (JobState.finished, JobState.failed)

    def _wait(self, number: int) -> JobState:
        """The state of a job when nobody is at work in its folder any more."""
        folder = self.job_folder(number)
        if read_job(folder).state is JobState.running:
            with lock_job(folder):
                pass
        return read_job(folder).state

    def _record_death(self, number: int) -> None:
        folder = self.job_folder(number)
        with lock_job(folder):
            record = replace(read_job(folder), state=JobState.failed, ended=now())
            replace(
                record,
                problem="its process was killed, also when it ran alone",
                remedy="Look whether memory was used up, or its time limit is shorter than a step.",
            ).write(folder)

    def _launched(
        self, todo: list[int], jobs: dict[int, list[str]], composed: dict[int, DictConfig]
    ) -> list[list[str]]:
        """The overrides that Hydra's launcher gets: each job has its own folder and its threads."""
        threads = threads_of_a_job(self._settings, len(todo))
        if environment_threads() is not None:  # who sets it knows why
            threads = None
        if threads is not None and not self._told_threads:
            self._told_threads = True
            at_once = jobs_at_once(self._settings, len(todo))
            shared = f"{at_once} jobs at once on {available_cores()} cores, " if at_once > 1 else ""
            logger.info("%sthreads of each: %d", shared, threads)
        where = f"hydra.sweep.dir={quoted(str(self.folder))}"
        launched = []
        for number in todo:
            overrides = [*jobs[number], where, f"hydra.sweep.subdir={quoted(str(number))}"]
            for key in ("hardware.threads", "threads"):
                if threads and OmegaConf.select(composed[number], key, default=0) is None:
                    overrides.append(f"{key}={threads}")
            launched.append(overrides)
        return launched

    def _returned(self, number: int) -> JobReturn:
        """The value of a job for Hydra's sweepers: None as the value of one that failed."""
        result = JobReturn(overrides=self.record.jobs[number], status=JobStatus.COMPLETED)
        result.return_value = read_job(self.job_folder(number)).value
        return result
