"""Scores of a split: metrics by language, confidence intervals, averages."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from infoxlm.evaluate.intervals import Interval, cluster_bootstrap, wilson_interval
from infoxlm.evaluate.metric import ACCURACY, Metric
from infoxlm.evaluate.predictions import Predictions, is_binary
from infoxlm.evaluate.written_scores import (
    FIXED_KEYS,
    chance_of_before,
    check_scores,
    metrics_of,
)
from infoxlm.schema import SelectOn

__all__ = ["ACCURACY", "ENGLISH", "Metric", "Scores", "check_scores"]

ENGLISH = "en"


@dataclass(frozen=True)
class Scores:
    """Scores of one split, languages in the order of the data set.

    Attributes:
        main: The metric that checkpoints are chosen by and reports begin with.
        values: By metric and language, the mean over the examples.
        examples: Number of examples by language.
        intervals: 95 % interval of the main metric by language.
        average_interval: The same of `average`, which knows that translations of an example are
            not independent; None where the row numbers were not known.
        non_english_average_interval: The same of `non_english_average`.
        chance: The main metric of a guess; None where it is not known.
        details: Further results of the task, as plain JSON, such as confusion matrices.
        warning: A fault of the model, in a sentence or two; None when none is seen.
        secondary: The other metrics in `values`.
        explanation: What a reader of the figures has to know, in a sentence or two, such as by
            which rules answers are compared; None where the metric says it all.
        figures: Further figures by name and language, which are logged next to the metrics; their
            languages may be others.
    """

    main: Metric
    values: Mapping[str, Mapping[str, float]]
    examples: Mapping[str, int]
    intervals: Mapping[str, Interval]
    average_interval: Interval | None = None
    non_english_average_interval: Interval | None = None
    chance: float | None = None
    details: Mapping[str, Any] = field(default_factory=dict)
    warning: str | None = None
    secondary: tuple[Metric, ...] = ()
    explanation: str | None = None
    figures: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    @classmethod
    def from_predictions(
        cls,
        predictions: Predictions,
        main: Metric = ACCURACY,
        metrics: Sequence[Metric] = (),
        chance: float | None = None,
        details: Mapping[str, Any] | None = None,
        warning: str | None = None,
        explanation: str | None = None,
        figures: Mapping[str, Mapping[str, float]] | None = None,
    ) -> "Scores":
        """Average the values of predictions over each language.

        Intervals are Wilson's where each value is 0 or 1 and of a row of its own, else bootstrapped
        over the rows. Those of averages are always bootstrapped, a row with all of its translations
        at a time.

        Args:
            predictions: At least one, with a value of each metric.
            main: The metric that is chosen by and shown first.
            metrics: The others.
            chance: The main metric of a guess.
            details: Further results of the task, as plain JSON.
            warning: A fault of the model.
            explanation: What a reader of the figures has to know.
            figures: Further figures by name and language.
        """
        missing = [x.name for x in (main, *metrics) if x.name not in predictions.values]
        if missing or not len(predictions):
            raise ValueError(f"{len(predictions)} predictions, without {', '.join(missing)}")
        values, rows = predictions.values[main.name], predictions.rows
        indices = predictions.by_language()
        binary = is_binary(values)

        def interval(index: NDArray[np.int64]) -> Interval:
            if binary and len(np.unique(rows[index])) == len(index):
                return wilson_interval(int(values[index].sum()), len(index))
            return cluster_bootstrap(values[index], rows[index])

        def average_interval(languages: Sequence[str]) -> Interval:
            chosen = np.concatenate([indices[language] for language in languages])
            weights = [np.full(len(indices[x]), 1 / len(indices[x])) for x in languages]
            return cluster_bootstrap(values[chosen], rows[chosen], weights=np.concatenate(weights))

        others = [language for language in indices if language != ENGLISH]
        transfers = len(others) < len(indices) and others
        return cls(
            main,
            {
                metric.name: {
                    language: float(predictions.values[metric.name][index].sum() / len(index))
                    for language, index in indices.items()
                }
                for metric in (main, *metrics)
            },
            {language: len(index) for language, index in indices.items()},
            {language: interval(index) for language, index in indices.items()},
            average_interval(list(indices)),
            average_interval(others) if transfers else None,
            chance,
            details or {},
            warning,
            tuple(metrics),
            explanation,
            figures or {},
        )

    @property
    def main_values(self) -> Mapping[str, float]:
        """The main metric by language."""
        return self.values[self.main.name]

    @property
    def languages(self) -> tuple[str, ...]:
        """The languages that were scored."""
        return tuple(self.main_values)

    @property
    def average(self) -> float:
        """Mean of the main metric over the languages, each counting the same."""
        return _average(self.main_values)

    def average_of(self, metric: Metric, languages: Sequence[str] | None = None) -> float:
        """Mean of a metric over some languages; None: over all."""
        values = self.values[metric.name]
        return _average(values if languages is None else {x: values[x] for x in languages})

    @property
    def non_english_average(self) -> float | None:
        """Mean over the languages but English; None without English or without others."""
        others = {x: value for x, value in self.main_values.items() if x != ENGLISH}
        return _average(others) if others and ENGLISH in self.main_values else None

    @property
    def transfer_gap(self) -> float | None:
        """English minus the mean of the others; None without English or without others.

        The cross-lingual transfer gap of Chi et al. (2021), "InfoXLM", and of XTREME.
        """
        others = self.non_english_average
        return None if others is None else self.main_values[ENGLISH] - others

    def value(self, select_on: SelectOn) -> float:
        """The figure that decides between checkpoints: the average, or English."""
        return self.main_values[ENGLISH] if select_on is SelectOn.dev_en else self.average

    def better_than(self, other: "Scores", select_on: SelectOn) -> bool:
        """Tell whether these scores are better than others by the figure that decides."""
        return self.main.is_better(self.value(select_on), other.value(select_on))

    def tags(self, split: str) -> dict[str, float]:
        """Every figure by VisualDL tag, such as "dev/accuracy/en" and "dev/gap"."""
        tags: dict[str, float] = {}
        for metric, by_language in {**self.values, **self.figures}.items():
            tags |= {f"{split}/{metric}/{x}": value for x, value in by_language.items()}
            tags[f"{split}/{metric}/average"] = _average(by_language)
        if self.transfer_gap is not None:
            tags[f"{split}/gap"] = self.transfer_gap
        return tags

    def summary(self) -> str:
        """The scores in a line of a log, such as "average 61.2 %, gap to English 9.1"."""
        figures = [f"average {self.main.with_unit(self.average)}"]
        if self.transfer_gap is not None:
            figures.append(f"gap to English {self.main.shown(self.transfer_gap).replace('−', '-')}")
        for metric in self.secondary:
            figures.append(f"{metric.title} {metric.with_unit(self.average_of(metric))}")
        return ", ".join(figures)

    def as_dict(self) -> dict[str, Any]:
        """The form in results.json: plain values, shares as fractions, each metric by its name."""
        written = {
            **{name: dict(by_language) for name, by_language in self.values.items()},
            "average": self.average,
            "average_interval": _plain(self.average_interval),
            "others": self.non_english_average,
            "others_interval": _plain(self.non_english_average_interval),
            "gap": self.transfer_gap,
            "examples": dict(self.examples),
            "interval": {language: list(pair) for language, pair in self.intervals.items()},
            **self.details,
            "metric": self.main._asdict(),
            "chance": self.chance,
        }
        if self.secondary:
            written["secondary_metrics"] = [metric._asdict() for metric in self.secondary]
        if self.warning is not None:
            written["warning"] = self.warning
        if self.explanation is not None:
            written["explanation"] = self.explanation
        if self.figures:
            written["figures"] = {name: dict(found) for name, found in self.figures.items()}
        return written

    @classmethod
    def from_dict(cls, written: Mapping[str, Any]) -> "Scores":
        """The scores that `as_dict` was made of, or the scores of a version before.

        Raises:
            ValueError: These are none.
        """
        check_scores(written)
        main, *secondary = metrics_of(written)
        values = {metric.name: dict(written[metric.name]) for metric in (main, *secondary)}
        languages = values[main.name].keys()
        if not languages or any(found.keys() != languages for found in values.values()):
            raise ValueError("there are no scores, or not all in the same languages")
        details = {x: found for x, found in written.items() if x not in {*FIXED_KEYS, *values}}
        return cls(
            main,
            values,
            dict(written.get("examples", {})),
            {x: Interval(*pair) for x, pair in written.get("interval", {}).items()},
            _interval(written.get("average_interval")),
            _interval(written.get("others_interval")),
            written["chance"] if "chance" in written else chance_of_before(details),
            details,
            written.get("warning"),
            tuple(secondary),
            written.get("explanation"),
            {name: dict(found) for name, found in written.get("figures", {}).items()},
        )


def _average(by_language: Mapping[str, float]) -> float:
    return float(np.mean(list(by_language.values())))


def _plain(interval: Interval | None) -> list[float] | None:
    return list(interval) if interval else None


def _interval(written: Sequence[float] | None) -> Interval | None:
    return Interval(*written) if written else None
