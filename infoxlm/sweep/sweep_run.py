"""A run of a sweep: its job's record and its scores, read from its folder."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from infoxlm.errors import UserError
from infoxlm.evaluate.scores import ENGLISH, Metric, Scores
from infoxlm.runs.finished_run import FinishedRun
from infoxlm.runs.run_folder import RESULTS
from infoxlm.schema import SelectOn
from infoxlm.sweep.job_record import JobRecord, JobState, read_job

logger = logging.getLogger(__name__)

AVERAGE, GAP = "average", "gap"
#: The splits that runs may have been scored on, the one that chooses first.
SPLITS = ("dev", "test")


@dataclass(frozen=True)
class SweepRun:
    """A run of a sweep.

    Attributes:
        number: Its number, which names its folder.
        record: Its job's record.
        varied: Its values of the keys in which the sweep's runs differ.
        scores: The scores of each split that was scored, "dev" and "test".
        chosen_by: The figure by which its checkpoint was chosen: "average" or "en".
        seconds: The seconds that it trained; None when it did not.
        repeats: The number of the earlier run of the same configuration whose scores these are.
    """

    number: int
    record: JobRecord
    varied: dict[str, str]
    scores: dict[str, Scores]
    chosen_by: str
    seconds: float | None
    repeats: int | None = None

    @property
    def origin(self) -> int:
        """The number of the run whose scores these are."""
        return self.number if self.repeats is None else self.repeats

    @property
    def metric(self) -> Metric | None:
        """The main metric; None without scores."""
        return next((scores.main for scores in self.scores.values()), None)

    def figure(self, split: str, name: str) -> float | None:
        """A score of a split: "average", "gap" or a language; None when unknown."""
        scores = self.scores.get(split)
        if scores is None:
            return None
        summaries = {AVERAGE: scores.average, GAP: scores.transfer_gap}
        return summaries[name] if name in summaries else scores.main_values.get(name)

    def repeating(self, first: "SweepRun") -> "SweepRun":
        """This run with the scores of the one that it repeats."""
        return replace(
            self, scores=first.scores, chosen_by=first.chosen_by, seconds=None, repeats=first.number
        )


def read_run(folder: Path, number: int, varied: dict[str, str]) -> SweepRun:
    """Read a run's record and scores; results that are damaged count as none."""
    record = read_job(folder)
    nothing = SweepRun(number, record, varied, {}, AVERAGE, None)
    if record.state is not JobState.finished or not (folder / RESULTS).exists():
        return nothing
    try:
        run = FinishedRun.read(folder)
        results, _ = run.results, run.scores
    except UserError as error:  # another command's, or damaged: there is nothing to compare
        if record.value is not None:  # commands that return none have no scores either
            logger.warning("the scores of job %d are left out: %s", number, error.problem)
        return nothing
    settings = results.get("settings") or {}
    return replace(
        nothing,
        scores={split: Scores.from_dict(results[split]) for split in SPLITS if results.get(split)},
        chosen_by=chosen_by(settings),
        seconds=(results.get("train") or {}).get("seconds"),
    )


def chosen_by(settings: Mapping[str, Any]) -> str:
    """The figure by which the settings of a run have its checkpoint chosen."""
    return ENGLISH if settings.get("trainer.select_on") == SelectOn.dev_en.name else AVERAGE
