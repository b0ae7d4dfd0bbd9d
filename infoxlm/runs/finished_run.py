"""A finished run, read from its folder: record, results and predictions."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infoxlm.constants import TRAINING
from infoxlm.errors import UserError
from infoxlm.evaluate.predictions import Predictions, read_predictions
from infoxlm.evaluate.scores import Scores, check_scores
from infoxlm.files.json_file import read_json_object
from infoxlm.runs.run_folder import RESULTS
from infoxlm.runs.run_record import read_run_record
from infoxlm.schema.json_shapes import entries, fields, number, optional, scalar, text, whole

#: The commands whose runs have scores by language, and predictions to compare them by.
SCORED_BY_LANGUAGE = (*TRAINING, "evaluate")

_AMOUNT = optional(number(0, 1e15))
_SPEED = fields(dict.fromkeys(("seconds", "pairs_per_second"), _AMOUNT))
#: The shape of each key of a results.json, where it is there: older versions wrote fewer.
_RESULTS = fields(
    {
        "experiment": optional(text),
        "model": text,
        "data": text,
        "start": optional(check_scores),
        "dev": optional(check_scores),
        "test": optional(check_scores),
        "steps": optional(whole()),
        "best_step": optional(whole()),
        "train": optional(
            fields(
                dict.fromkeys(
                    ("seconds", "pairs_per_second", "share_of_machine", "padding_share",
                     "peak_rss_mb"),
                    _AMOUNT,
                )
            )
        ),
        "evaluate": optional(_SPEED),
        "settings": entries(scalar),
    }
)  # fmt: skip


@dataclass(frozen=True)
class FinishedRun:
    """A finished run of a command that trains, or of `infoxlm evaluate`.

    Attributes:
        folder: Its folder.
        record: Its run.json.
        results: Its results.json.
    """

    folder: Path
    record: dict[str, Any]
    results: dict[str, Any]

    @classmethod
    def read(cls, folder: str | Path) -> "FinishedRun":
        """Read a run's folder.

        Raises:
            UserError: It is no run's folder, or the run is not finished.
        """
        folder = Path(folder).expanduser()
        if not folder.is_dir():
            problem = "is a file" if folder.exists() else "does not exist"
            raise UserError(
                f"the run's folder {folder} {problem}", "Give one such as outputs/train/NAME/TIME."
            )
        record = read_run_record(folder)
        path = folder / RESULTS
        try:
            results = read_json_object(path)
            task = results.get("task")
            if task in SCORED_BY_LANGUAGE:
                _RESULTS(results)
        except FileNotFoundError as error:
            raise UserError(
                f"the run in {folder} is not finished: it has no {RESULTS}",
                "Wait until it has, or give another run.",
            ) from error
        except (ValueError, OSError) as error:
            raise UserError(f"{path} is damaged: {error}", "Give another run.") from error
        if task not in SCORED_BY_LANGUAGE:
            commands = " or ".join(f"`infoxlm {command}`" for command in SCORED_BY_LANGUAGE)
            raise UserError(
                f"{path} is not from {commands}",
                "Give a run of one of these.",
            )
        return cls(folder, record, results)

    @property
    def command(self) -> str:
        """The command it was a run of: one of `SCORED_BY_LANGUAGE`."""
        return str(self.results["task"])

    @property
    def split(self) -> str:
        """The split that its predictions are of."""
        return "test" if self.results.get("test") else "dev"

    @property
    def scores(self) -> Scores:
        """The scores that it reports: of `split`.

        Raises:
            UserError: It reports none.
        """
        written = self.results.get(self.split)
        if not written:
            raise UserError(f"{self.folder / RESULTS} holds no scores", "Give another run.")
        try:
            return Scores.from_dict(written)
        except ValueError as error:
            problem = f"{self.folder / RESULTS} is damaged: {self.split}: {error}"
            raise UserError(problem, "Give another run.") from error

    @property
    def settings(self) -> dict[str, Any]:
        """Its configuration as ``{"optimizer.learning_rate": 2e-5, ...}``."""
        return dict(self.results.get("settings", {}))

    def predictions(self) -> Predictions:
        """Its predictions of `split`, with values of the metric that it reports.

        Raises:
            UserError: They are missing or damaged.
        """
        path, metric = self.folder / "predictions.jsonl", self.scores.main.name
        predictions = read_predictions(path)
        if metric not in predictions.values:
            problem = f"{path} has no values of {metric}, by which the run is scored"
            raise UserError(problem, "Give another run.")
        return predictions
