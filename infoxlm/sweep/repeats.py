"""Jobs with the configuration of an earlier job of their sweep: they take its result."""

import json
import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from omegaconf import DictConfig, OmegaConf

from infoxlm.sweep.job import now
from infoxlm.sweep.job_record import JobRecord, JobState, lock_job, read_job

logger = logging.getLogger(__name__)

#: Interpolations that are written alike and have another value in each job.
_OF_ONE_JOB = re.compile(r"\$\{\s*(hydra[.:]|now:|random_hex:)")


@dataclass
class Repeats:
    """Finder of jobs that have the configuration of an earlier one of their sweep.

    Composed configurations are compared, not words: 1e-5 is 0.00001, and an optimizer chosen by its
    file is the same one chosen by its keys.

    Attributes:
        firsts: The first job of each configuration.
    """

    firsts: dict[str, int] = field(default_factory=dict)

    def among(self, configs: Mapping[int, DictConfig]) -> dict[int, int]:
        """The jobs that repeat an earlier one, with its number.

        Args:
            configs: Composed configurations by the numbers of their jobs, from the lowest.
        """
        found = {}
        for number, config in configs.items():
            text = json.dumps(OmegaConf.to_container(config), default=str, sort_keys=True)
            first = number if depends_on_job(text) else self.firsts.setdefault(text, number)
            if first < number:
                found[number] = first
        return found


def depends_on_job(text: str) -> bool:
    """Tell whether a configuration's meaning depends on the job, as of ``${hydra:job.num}``."""
    return _OF_ONE_JOB.search(text) is not None


def earlier_twins(jobs: Sequence[Mapping[str, str]]) -> list[list[int]]:
    """For each job, the earlier ones that were typed the same values of the same keys."""
    seen: dict[frozenset[tuple[str, str]], list[int]] = {}
    twins = []
    for number, typed in enumerate(jobs):
        same = seen.setdefault(frozenset(typed.items()), [])
        twins.append([] if depends_on_job(" ".join(typed.values())) else list(same))
        same.append(number)
    return twins


def take_result(sweep: Path, number: int, first: int) -> None:
    """Record for a job the result of an earlier one of the same configuration, if that is done.

    Args:
        sweep: The sweep's folder.
        number: The job, which is not run.
        first: The earlier one.
    """
    came, folder = read_job(sweep / str(first)), sweep / str(number)
    if came.state not in (JobState.finished, JobState.failed):
        return
    with lock_job(folder):
        time = now()
        record = JobRecord(came.state, started=time, ended=time, value=came.value, repeats=first,
                           problem=came.problem, remedy=came.remedy)  # fmt: skip
        record.write(folder)
    logger.info("job %d repeats job %d, and takes its result: %s", number, first, came.outcome())
