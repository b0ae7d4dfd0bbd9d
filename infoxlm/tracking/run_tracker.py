"""Where a run's numbers go: VisualDL and metrics.jsonl, the same names in both."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from infoxlm.evaluate.metrics import SplitScores
from infoxlm.tracking.closing import Closing
from infoxlm.tracking.metrics_log import MetricsLog
from infoxlm.tracking.visualdl_writer import VisualDLWriter


class RunTracker(Closing):
    """Writes each number to VisualDL and to metrics.jsonl; a context manager.

    Args:
        folder: The run's folder.
        display_name: The run's name in the dashboard.
    """

    def __init__(self, folder: Path, display_name: str) -> None:
        self._curves = VisualDLWriter(folder / "vdl", display_name)
        self._log = MetricsLog(folder / "metrics.jsonl")

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """Note numbers by tag, such as ``train/loss``, at an optimizer step."""
        self._curves.scalars(step, values)
        self._log.write(step, values)

    def scores(self, step: int, split: str, scores: SplitScores) -> None:
        """Note ``<split>/accuracy/<language>``, ``<split>/accuracy/average``, ``<split>/gap``."""
        self.scalars(step, score_tags(split, scores))

    def hyperparameters(
        self, config: Mapping[str, Any], metrics: Mapping[str, float], step: int
    ) -> None:
        """Note the run's configuration and final numbers for the table that compares runs."""
        self._curves.hyperparameters(config, metrics, step)

    def close(self) -> None:
        """Write what is pending and close the files."""
        self._curves.close()
        self._log.close()


def score_tags(split: str, scores: SplitScores) -> dict[str, float]:
    """A split's scores by VisualDL tag; fractions."""
    tags = {f"{split}/accuracy/{language}": x for language, x in scores.accuracy.items()}
    tags[f"{split}/accuracy/average"] = scores.average
    if scores.gap is not None:
        tags[f"{split}/gap"] = scores.gap
    return tags
