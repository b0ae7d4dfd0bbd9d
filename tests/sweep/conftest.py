"""Folders of sweeps as they look when jobs have run, without running any."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from infoxlm.sweep.job_record import JobRecord, JobState
from infoxlm.sweep.sweep_record import SweepRecord


@pytest.fixture
def sweep_folder(tmp_path: Path) -> Callable[..., Path]:
    """Writes a sweep's folder: the overrides of each job, and its dev average or why it failed."""

    def write(
        jobs: Sequence[Sequence[str]], outcomes: Sequence[float | str | None], **changes: Any
    ) -> Path:
        folder = tmp_path / "sweep"
        record = SweepRecord("train", ["model=tiny", "-m"], str(tmp_path), "2026-11-22T12:00:00")
        for key, value in changes.items():
            setattr(record, key, value)
        record.jobs = [list(overrides) for overrides in jobs]
        record.write(folder)
        for number, came in enumerate(outcomes):
            job = folder / str(number)
            if isinstance(came, str):
                JobRecord(JobState.failed, problem=came, remedy="Mend it.").write(job)
            elif came is not None:
                JobRecord(JobState.finished, value=came).write(job)
                (job / "run.json").write_text("{}")
                (job / "results.json").write_text(json.dumps(results(came)))
        return folder

    return write


def results(dev: float) -> dict[str, Any]:
    """A results.json in two languages; test is 0.1 below dev."""
    scores = {
        split: {"accuracy": {"en": x + 0.02, "de": x - 0.02}, "average": x, "gap": 0.04}
        for split, x in (("dev", dev), ("test", dev - 0.1))
    }
    return {"task": "train", "train": {"seconds": 90.0}, **scores}
