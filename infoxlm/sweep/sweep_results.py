"""Results of a sweep: its runs with their scores, and their means over seeds."""

import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean, stdev

from infoxlm.evaluate.metric import ACCURACY, Metric
from infoxlm.sweep.job_record import JobState
from infoxlm.sweep.repeats import earlier_twins
from infoxlm.sweep.sweep_record import SweepRecord, as_settings, varied_keys
from infoxlm.sweep.sweep_run import AVERAGE, SPLITS, SweepRun, read_run

logger = logging.getLogger(__name__)

SEED = "seed"


@dataclass(frozen=True)
class Group:
    """Runs that differ in nothing but the seed.

    Attributes:
        varied: Their values of the varied keys, without the seed.
        runs: The finished ones, of those with the same seed only the first.
    """

    varied: dict[str, str]
    runs: list[SweepRun]

    def mean(self, split: str, name: str) -> tuple[float, float | None] | None:
        """Mean and standard deviation of a figure; None for that of a single run.

        The standard deviation is the sample's, with n - 1.
        """
        found = [run.figure(split, name) for run in self.runs]
        values = [value for value in found if value is not None]
        if not values:
            return None
        return fmean(values), stdev(values) if len(values) > 1 else None


@dataclass(frozen=True)
class SweepResults:
    """Results of a sweep, read from its folder.

    Attributes:
        folder: Its folder.
        record: Its record.
        keys: The keys in which its runs differ, the seed last.
        runs: All its runs, finished or not.
    """

    folder: Path
    record: SweepRecord
    keys: list[str]
    runs: list[SweepRun]

    @classmethod
    def read(cls, folder: Path) -> "SweepResults":
        """Read a sweep's folder.

        Raises:
            UserError: It is no sweep's.
        """
        record = SweepRecord.read(folder)
        settings = [as_settings(overrides) for overrides in record.jobs]
        keys = sorted(varied_keys(settings), key=lambda key: key == SEED)
        runs: list[SweepRun] = []
        for number, twins in enumerate(earlier_twins(settings)):
            varied = {key: settings[number].get(key, "") for key in keys}
            run = read_run(folder / str(number), number, varied)
            if run.record.repeats is not None:
                twins = [run.record.repeats]
            elif not run.scores:  # of sweeps of before, whose repeats were run
                twins = []
            firsts = [runs[twin] for twin in twins if 0 <= twin < number and runs[twin].scores]
            runs.append(run.repeating(firsts[0]) if firsts else run)
        return cls(folder, record, keys, of_one_metric(runs))

    @property
    def finished(self) -> list[SweepRun]:
        """The runs that have scores."""
        return [run for run in self.runs if run.scores]

    @property
    def repeats(self) -> list[SweepRun]:
        """The runs whose scores are those of an earlier one."""
        return [run for run in self.runs if run.repeats is not None]

    @property
    def others(self) -> list[SweepRun]:
        """The runs that failed, were cut short, are running or missing."""
        return [run for run in self.runs if run.record.state is not JobState.finished]

    @property
    def can_resume(self) -> bool:
        """Whether there is something to run yet; what failed in a search stays as it was."""
        failed = JobState.failed
        return any(not (self.record.searches and run.record.state is failed) for run in self.others)

    @property
    def splits(self) -> list[str]:
        """The splits that runs were scored on, the one that chooses first."""
        return [x for x in SPLITS if any(x in run.scores for run in self.runs)]

    @property
    def chosen_by(self) -> str:
        """The figure of the first split that tells runs apart, as it did their checkpoints.

        English alone where every run was configured so: with the average a sweep would be chosen
        by the very languages that it was not to see.
        """
        figures = {run.chosen_by for run in self.finished}
        return figures.pop() if len(figures) == 1 else AVERAGE

    @property
    def languages(self) -> list[str]:
        """The languages that runs were scored in."""
        names: dict[str, None] = {}
        for run in self.finished:
            if scores := run.scores.get(self.splits[-1]):
                names |= dict.fromkeys(scores.languages)
        return list(names)

    @property
    def metric(self) -> Metric:
        """The main metric of its runs; figures of another one are not of this sweep."""
        return next((run.metric for run in self.runs if run.metric is not None), ACCURACY)

    def groups(self) -> list[Group]:
        """Runs that differ in the seed alone, together; the best on the choosing split first."""
        together: dict[tuple[str, ...], Group] = {}
        for run in self.finished:
            varied = {key: value for key, value in run.varied.items() if key != SEED}
            group = together.setdefault(tuple(varied.values()), Group(varied, []))
            if run.origin not in [other.origin for other in group.runs]:
                group.runs.append(run)

        def rank(group: Group) -> float:
            found = group.mean(self.splits[0], self.chosen_by)
            if found is None:
                return math.inf
            return -found[0] if self.metric.higher_is_better else found[0]

        return sorted(together.values(), key=rank)

    @property
    def distinct(self) -> list[SweepRun]:
        """The finished runs by their numbers, without those that repeat one of their group."""
        runs = [run for group in self.groups() for run in group.runs]
        return sorted(runs, key=lambda run: run.number)

    def best(self) -> SweepRun | None:
        """The run with the best figure on the choosing split; of equal ones the first."""
        found = [(run, run.figure(self.splits[0], self.chosen_by)) for run in self.finished]
        ranked = [(run, value) for run, value in found if value is not None]
        sign = 1 if self.metric.higher_is_better else -1
        return max(ranked, key=lambda one: sign * one[1], default=(None, 0.0))[0]


def of_one_metric(runs: Sequence[SweepRun]) -> list[SweepRun]:
    """Runs, without the scores of those that were scored by another metric than the first."""
    metric = next((run.metric for run in runs if run.metric is not None), None)
    kept = [run if run.metric in (metric, None) else replace(run, scores={}) for run in runs]
    for run, found in zip(runs, kept, strict=True):
        if found is not run:
            logger.warning("the scores of job %d are left out: of another metric", run.number)
    return kept
