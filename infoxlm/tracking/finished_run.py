"""A run's folder after the run: what it was told, what came out."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infoxlm.errors import UserError
from infoxlm.evaluate.predictions import Predictions, read_predictions
from infoxlm.run_folder import RESULTS
from infoxlm.tracking.run_record import read_run_record


@dataclass(frozen=True)
class FinishedRun:
    """A finished run of `infoxlm train` or `infoxlm evaluate`.

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
            raise UserError(
                f"the run's folder {folder} does not exist",
                "Give one such as outputs/train/NAME/TIME.",
            )
        record = read_run_record(folder)
        path = folder / RESULTS
        try:
            results = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError as error:
            raise UserError(
                f"the run in {folder} is not finished: it has no {RESULTS}",
                "Wait until it has, or give another run.",
            ) from error
        except (ValueError, OSError) as error:
            raise UserError(f"{path} is damaged: {error}", "Give another run.") from error
        if not isinstance(results, dict) or results.get("task") not in ("train", "evaluate"):
            raise UserError(
                f"{path} is not from `infoxlm train` or `infoxlm evaluate`",
                "Give a run of one of these.",
            )
        return cls(folder, record, results)

    @property
    def command(self) -> str:
        """The command it was a run of: "train" or "evaluate"."""
        return str(self.results["task"])

    @property
    def split(self) -> str:
        """The split that its predictions are of."""
        return "test" if self.results.get("test") else "dev"

    @property
    def settings(self) -> dict[str, Any]:
        """Its configuration as ``{"optimizer.learning_rate": 2e-5, ...}``."""
        return dict(self.results.get("settings", {}))

    def predictions(self) -> Predictions:
        """Its predictions of `split`.

        Raises:
            UserError: They are missing or damaged.
        """
        return read_predictions(self.folder / "predictions.jsonl")
