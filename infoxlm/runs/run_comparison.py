"""Comparison of two runs: their configurations, provenance and predictions."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from infoxlm.errors import UserError
from infoxlm.evaluate.metric import Metric
from infoxlm.evaluate.paired import PairedFigure, compare_predictions
from infoxlm.evaluate.predictions import matched, unlike_answers
from infoxlm.runs.differences import (
    Difference,
    different_provenance,
    different_settings,
    unrecorded,
)
from infoxlm.runs.finished_run import FinishedRun


@dataclass(frozen=True)
class RunComparison:
    """Comparison of two runs, as `compare_runs` makes it: A is the first, B the second.

    Attributes:
        first: Run A.
        second: Run B.
        settings: The keys of the configuration that differ.
        provenance: The differences in code, packages, machine and files.
        unrecorded: The facts that are not in both records.
        examples: The number of examples that each run predicted.
        unlike: The number of those that they predicted differently.
        metric: The metric that both were scored by.
        figures: It in each language and what follows from it.
    """

    first: FinishedRun
    second: FinishedRun
    settings: list[Difference]
    provenance: list[Difference]
    unrecorded: list[str]
    examples: int
    unlike: int
    metric: Metric
    figures: list[PairedFigure]

    @property
    def languages(self) -> list[PairedFigure]:
        """The figures of single languages."""
        return [figure for figure in self.figures if figure.is_language]

    @property
    def is_counted(self) -> bool:
        """Whether each prediction is right or wrong, so that those of one run alone count."""
        test = self.figures[0].test
        return test is not None and test.only_first is not None

    @property
    def overall(self) -> PairedFigure:
        """The average over the languages, or the only language there is."""
        return next((x for x in self.figures if x.name == "average"), self.figures[0])

    def as_dict(self) -> dict[str, Any]:
        """The form in compare.json; every share a fraction, `difference` B's minus A's."""
        return {
            "run_a": _described(self.first),
            "run_b": _described(self.second),
            "split": self.first.split,
            "pairs": self.examples,
            "predicted_differently": self.unlike,
            "settings": _by_name(self.settings),
            "provenance": _by_name(self.provenance),
            "not_told_by_both": self.unrecorded,
            self.metric.name: {x.name: _figure(x) for x in self.figures},
        }


def compare_runs(first: FinishedRun, second: FinishedRun) -> RunComparison:
    """Set two runs side by side.

    Raises:
        UserError: They are one and the same, or did not predict the same examples.
    """
    if first.folder.resolve() == second.folder.resolve():
        raise UserError(f"run_a and run_b are the same folder {first.folder}", "Give two runs.")
    if first.split != second.split:
        raise UserError(
            f"{first.folder} scored {first.split} and {second.folder} {second.split}",
            f"Score one again with `infoxlm evaluate model.checkpoint=RUN split={first.split}`.",
        )
    metric, others = first.scores.main, second.scores.main
    if metric != others:
        raise UserError(
            f"{first.folder} was scored by {metric.title} and {second.folder} by {others.title}",
            "Give two runs of one task.",
        )
    one, other = matched(first.predictions(), second.predictions())
    return RunComparison(
        first,
        second,
        different_settings(first, second),
        different_provenance(first, second),
        unrecorded(first, second),
        len(one),
        len(unlike_answers(one, other)),
        metric,
        compare_predictions(one, other, metric),
    )


def _described(run: FinishedRun) -> dict[str, Any]:
    facts = {key: run.results.get(key) for key in ("task", "experiment", "model", "data")}
    figures = {key: run.results.get(key) for key in ("steps", "best_step", "train", "evaluate")}
    return {"folder": str(run.folder), **facts, **figures}


def _by_name(differences: Iterable[Difference]) -> dict[str, Any]:
    return {x.name: {"a": x.first, "b": x.second} for x in differences}


def _figure(figure: PairedFigure) -> dict[str, Any]:
    found: dict[str, Any] = {
        "a": figure.first,
        "b": figure.second,
        "difference": figure.difference,
        "interval": list(figure.interval),
    }
    if test := figure.test:
        if test.only_first is not None:
            found |= {"only_a": test.only_first, "only_b": test.only_second}
        found["p"] = test.p_value
        if test.p_adjusted is not None:
            found["p_holm"] = test.p_adjusted
    return found
