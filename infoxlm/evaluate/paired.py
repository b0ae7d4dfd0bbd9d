"""Paired comparison of two runs on the same examples: differences and their significance."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from infoxlm.evaluate.intervals import Interval, bootstrap_means
from infoxlm.evaluate.predictions import Predictions, is_binary
from infoxlm.evaluate.scores import ACCURACY, ENGLISH, Metric
from infoxlm.evaluate.significance import clustered_mcnemar, holm, mcnemar


class PairedTest(NamedTuple):
    """Significance test of the difference between two runs.

    Attributes:
        p_value: If every value is 0 or 1, that of McNemar's exact test; over several languages, of
            the form for clusters. Else of the paired bootstrap.
        p_adjusted: A language's `p_value` by Holm's method, for all languages looked at.
        only_first: The number of predictions that only the first run got right; None where values
            are not 0 or 1.
        only_second: The number that only the second run got right.
    """

    p_value: float
    p_adjusted: float | None = None
    only_first: int | None = None
    only_second: int | None = None


@dataclass(frozen=True)
class PairedFigure:
    """One figure of two runs, in the unit of the metric.

    Attributes:
        name: Language code, "average", "others" (all but English) or "gap".
        first: The first run's figure.
        second: The second run's figure.
        interval: The 95 % interval of `difference`.
        test: None for the gap, a difference between groups.
        is_language: Whether it is a language's.
    """

    name: str
    first: float
    second: float
    interval: Interval
    test: PairedTest | None = None
    is_language: bool = False

    @property
    def difference(self) -> float:
        """The second run's figure minus the first's."""
        return self.second - self.first

    @property
    def is_significant(self) -> bool:
        """Whether p is below 0.05, a language's by Holm's method."""
        if self.test is None:
            return False
        adjusted = self.test.p_adjusted
        return (self.test.p_value if adjusted is None else adjusted) < 0.05


def compare_predictions(
    first: Predictions, second: Predictions, metric: Metric = ACCURACY
) -> list[PairedFigure]:
    """Set two runs side by side: each language, then average, others and gap where there are any.

    Both runs keep the same items in every bootstrap sample, so what makes an item hard for both
    cancels out. An item is a row with its translations (see `infoxlm.evaluate.intervals`). An
    interval without 0 says that the runs differ beyond the choice of items; it says nothing about
    another training seed.

    Args:
        first: The first run's predictions.
        second: The second run's predictions of the same examples in the same order, as `matched`
            gives them.
        metric: The metric to compare by; both runs have values of it.
    """
    values = first.values[metric.name], second.values[metric.name]
    by_language = first.by_language()
    index = np.empty(len(first), np.int64)
    for group, rows in enumerate(by_language.values()):
        index[rows] = group
    means = [np.bincount(index, run) / np.bincount(index) for run in values]
    changes = values[1] - values[0]
    samples = bootstrap_means(changes, clusters=first.rows, groups=index)
    weights = _weights(tuple(by_language))
    drawn = {name: samples @ each for name, each in weights.items()}

    if is_binary(np.concatenate(values)):
        counted = {name: each[index] > 0 for name, each in weights.items() if name != "gap"}
        tests = _mcnemar_tests(changes, first.rows, counted)
    else:
        tests = {name: PairedTest(bootstrap_p_value(found)) for name, found in drawn.items()}
    tests.pop("gap", None)
    adjusted = holm([tests[name].p_value for name in by_language])
    for name, p_adjusted in zip(by_language, adjusted, strict=True):
        tests[name] = tests[name]._replace(p_adjusted=p_adjusted)
    return [
        PairedFigure(
            name,
            float(means[0] @ each),
            float(means[1] @ each),
            Interval(*np.nanquantile(drawn[name], [0.025, 0.975]).tolist()),
            tests.get(name),
            name in by_language,
        )
        for name, each in weights.items()
    ]


def bootstrap_p_value(differences: NDArray[np.float64]) -> float:
    """Two-sided p-value of a difference from its bootstrap samples: how often 0 is passed.

    B. Efron and R. Tibshirani (1993), An Introduction to the Bootstrap, chapter 15; one more is
    counted than was drawn, so that no finite number of samples says never.
    """
    found = differences[~np.isnan(differences)]
    passed = min(int(np.sum(found <= 0)), int(np.sum(found >= 0)))
    return min(1.0, 2 * (passed + 1) / (len(found) + 1))


def _mcnemar_tests(
    changes: NDArray[np.float64], rows: NDArray[np.int64], counted: Mapping[str, NDArray[np.bool_]]
) -> dict[str, PairedTest]:
    """McNemar's test on the predictions of each figure, which are one language's or several's."""
    tests = {}
    for name, mask in counted.items():
        counts = int(np.sum(changes[mask] < 0)), int(np.sum(changes[mask] > 0))
        several = name in ("average", "others")
        p_value = clustered_mcnemar(changes[mask], rows[mask]) if several else mcnemar(*counts)
        tests[name] = PairedTest(p_value, None, *counts)
    return tests


def _weights(languages: Sequence[str]) -> dict[str, NDArray[np.float64]]:
    """The weight of each language in each figure, `[languages]`; definitions as in `Scores`."""
    alone = np.eye(len(languages))
    weights = dict(zip(languages, alone, strict=True))
    if len(languages) > 1:
        weights["average"] = alone.mean(axis=0)
    if ENGLISH in languages and len(languages) > 1:
        english = weights[ENGLISH]
        weights["others"] = (1 - english) / (len(languages) - 1)
        weights["gap"] = english - weights["others"]
    return weights
