"""Tracker of a run's numbers: VisualDL and metrics.jsonl, the same names in both."""

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from infoxlm.tracking.closing import Closing
from infoxlm.tracking.metrics_log import METRICS, MetricsLog, read_metrics
from infoxlm.tracking.visualdl_writer import VisualDLWriter


class RunTracker(Closing):
    """Writes each number to VisualDL and to metrics.jsonl; a context manager.

    Args:
        folder: The run's folder.
        name: The run's name.
        checkpoint: The checkpoint that the run resumes from; None: it begins.
    """

    def __init__(self, folder: Path, name: str, checkpoint: Path | None = None) -> None:
        logged = [] if checkpoint is None else read_metrics(checkpoint / METRICS)
        self._curves = VisualDLWriter(folder / "vdl", display_name(folder, name), logged)
        self._log = MetricsLog(folder / METRICS, logged)

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """Note numbers by tag, such as ``train/loss``, at an optimizer step."""
        self._curves.scalars(step, values)
        self._log.write(step, values)

    def hyperparameters(
        self, config: Mapping[str, Any], metrics: Mapping[str, float], step: int
    ) -> None:
        """Log final numbers, and set them next to the configuration where runs are compared."""
        self._log.write(step, metrics)
        self._curves.hyperparameters(config, metrics, step)

    def copy_log(self, checkpoint: Path) -> None:
        """Copy what was logged so far into a checkpoint."""
        shutil.copyfile(self._log.path, checkpoint / METRICS)

    def embeddings(
        self, tag: str, vectors: NDArray[np.float32], labels: Mapping[str, Sequence[str]]
    ) -> None:
        """Show vectors ``[n, hidden]`` with ``n`` labels of each kind in VisualDL."""
        self._curves.embeddings(tag, vectors, labels)

    def close(self) -> None:
        """Write what is pending and close the files."""
        self._curves.close()
        self._log.close()


class SilentTracker(RunTracker):
    """Takes a run's numbers in a process that has nothing to write: another one does."""

    def __init__(self) -> None:
        """Open nothing."""

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """Leave them."""

    def hyperparameters(
        self, config: Mapping[str, Any], metrics: Mapping[str, float], step: int
    ) -> None:
        """Leave them."""

    def close(self) -> None:
        """Close nothing."""


def display_name(folder: Path, name: str) -> str:
    """A run's name in the dashboard: unlike every other, and unlike from the first letters on.

    The dashboard cuts long names and takes runs of one name for one run.

    Args:
        folder: The run's folder, named by its time or, in a sweep, by its number.
        name: The run's name.
    """
    day, _, time = folder.name.partition("_")
    clock, _, microseconds = time.partition("_")
    if not microseconds:
        return f"{folder.name} {name} {folder.parent.name}"
    return f"{clock.replace('-', ':')} {name} {day} {microseconds}"
