"""sweep.json: the command line of a sweep, and the list of its jobs."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from infoxlm.errors import UserError
from infoxlm.files.atomic import write_json
from infoxlm.schema import SCHEMAS
from infoxlm.sweep.typed_record import read_record, shortened

SWEEP_RECORD = "sweep.json"


@dataclass
class SweepRecord:
    """Record of a sweep: its command line and jobs.

    Attributes:
        command: The command of its jobs, such as "train".
        words: The words typed behind it, but for the sweep's folder.
        directory: The working directory.
        started: When, in ISO format.
        searches: Whether the jobs follow from the results of those before, as Optuna's do.
        jobs: The overrides of each job by its number, which also names its folder.
    """

    command: str
    words: list[str]
    directory: str
    started: str
    searches: bool = False
    jobs: list[list[str]] = field(default_factory=list)

    @classmethod
    def read(cls, folder: Path) -> "SweepRecord":
        """Read the sweep.json of a sweep's folder.

        Raises:
            UserError: There is none, or it is damaged.
        """
        path = folder / SWEEP_RECORD
        remedy = "Give the folder of a sweep, such as outputs/sweeps/NAME/TIME."
        if not folder.is_dir():
            problem = "is a file" if folder.exists() else "does not exist"
            raise UserError(f"the sweep's folder {folder} {problem}", remedy)
        try:
            record = read_record(cls, path)
            if record.command not in SCHEMAS:
                raise ValueError(f"its command is {shortened(record.command)}")
            return record
        except FileNotFoundError as error:
            problem = f"{folder} is not the folder of a sweep: it has no {SWEEP_RECORD}"
            raise UserError(problem, remedy) from error
        except (ValueError, OSError) as error:
            raise UserError(f"{path} is damaged: {error}", "Give another sweep.") from error

    def write(self, folder: Path) -> None:
        """Write sweep.json, whole or not at all."""
        write_json(folder / SWEEP_RECORD, asdict(self), indent=1)

    def varied(self) -> list[str]:
        """The keys in whose values the jobs differ, in the order they were given."""
        return varied_keys([as_settings(overrides) for overrides in self.jobs])


def as_settings(overrides: Sequence[str]) -> dict[str, str]:
    """Overrides such as ``optimizer.learning_rate=1e-5`` as keys and values."""
    pairs = (override.partition("=") for override in overrides)
    return {key.lstrip("+"): value for key, _, value in pairs}


def varied_keys(jobs: Sequence[dict[str, str]]) -> list[str]:
    """The keys that do not have the same value in every job."""
    keys = dict.fromkeys(key for job in jobs for key in job)
    return [key for key in keys if len({job.get(key) for job in jobs}) > 1]
