"""Folders of finished runs, made without a model."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure
from numpy.typing import NDArray

from infoxlm.evaluate.metrics import SplitScores
from infoxlm.evaluate.predictions import Predictions, write_predictions
from infoxlm.runs.finished_run import FinishedRun


@pytest.fixture
def make_run(tmp_path: Path) -> Callable[..., FinishedRun]:
    """Writes a run's folder with test predictions that are right where told to be."""

    def make(
        name: str,
        right: Mapping[str, NDArray[np.bool_]],
        settings: Mapping[str, Any] | None = None,
        record: Mapping[str, Any] | None = None,
        **results: Any,
    ) -> FinishedRun:
        folder = tmp_path / name
        labels = {language: np.arange(len(x)) % 3 for language, x in right.items()}
        given = {x: np.where(right[x], labels[x], (labels[x] + 1) % 3) for x in right}
        rows = {language: np.arange(len(x)) for language, x in right.items()}
        predictions = Predictions(
            np.repeat(list(right), [len(x) for x in right.values()]),
            *(np.concatenate(list(column.values())) for column in (rows, labels, given)),
            np.full((sum(map(len, right.values())), 3), 1 / 3),
        )
        write_predictions(folder / "predictions.jsonl", predictions)
        results = {
            "task": "train",
            "experiment": name,
            "model": "tiny",
            "data": "sample",
            "test": SplitScores.from_predictions(labels, given).as_dict(),
            "settings": {"seed": 42, **(settings or {})},
        } | results
        (folder / "results.json").write_text(json.dumps(results))
        (folder / "run.json").write_text(json.dumps({"version": "0.1.0", **(record or {})}))
        return FinishedRun.read(folder)

    return make


@pytest.fixture
def drawn(monkeypatch):
    """Figures that were saved, for looking into."""
    figures = []
    save = Figure.savefig

    def savefig(self, *arguments, **options):
        figures.append(self)
        return save(self, *arguments, **options)

    monkeypatch.setattr(Figure, "savefig", savefig)
    return figures
