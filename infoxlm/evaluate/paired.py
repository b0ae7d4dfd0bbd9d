"""Two runs' answers to the same questions: who is better where, and how sure that is."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from infoxlm.constants import LANGUAGES
from infoxlm.evaluate.intervals import Interval, bootstrap_means
from infoxlm.evaluate.predictions import Predictions
from infoxlm.evaluate.significance import clustered_mcnemar, holm, mcnemar


class McNemar(NamedTuple):
    """The predictions that only one of two runs got right, and McNemar's test on them.

    Attributes:
        only_first: How many only the first run got right.
        only_second: How many only the second run got right.
        p_value: Of the exact test; over several languages, of the form for clusters.
        p_adjusted: A language's `p_value` by Holm's method, for all languages looked at.
    """

    only_first: int
    only_second: int
    p_value: float
    p_adjusted: float | None = None


@dataclass(frozen=True)
class PairedFigure:
    """One figure of two runs; all shares are fractions.

    Attributes:
        name: Language code, "average", "others" (all but English) or "gap".
        first: The first run's figure.
        second: The second run's figure.
        interval: The 95 % interval of `difference`.
        test: None for the gap, a difference between groups.
    """

    name: str
    first: float
    second: float
    interval: Interval
    test: McNemar | None = None

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


def compare_predictions(first: Predictions, second: Predictions) -> list[PairedFigure]:
    """Set two runs side by side: each language, then average, others and gap where there are any.

    Both runs keep the same items in every bootstrap sample, so what makes an item hard for both
    cancels out. An item is a row with its translations (see `infoxlm.evaluate.intervals`). An
    interval without 0 says that the runs differ beyond the choice of items; it says nothing about
    another training seed.

    Args:
        first: The first run's predictions.
        second: The second run's predictions of the same examples in the same order, as `matched`
            gives them.
    """
    languages = [language for language in LANGUAGES if language in first.languages]
    index = np.array([languages.index(language) for language in first.languages])
    accuracy = [np.bincount(index, run.correct) / np.bincount(index) for run in (first, second)]
    changes = second.correct.astype(np.float64) - first.correct
    samples = bootstrap_means(changes, clusters=first.rows, groups=index)

    def counted(part: NDArray[np.bool_]) -> tuple[int, int]:
        return int(np.sum(changes[part] < 0)), int(np.sum(changes[part] > 0))

    counts = [counted(index == group) for group in range(len(languages))]
    p_values = [mcnemar(*pair) for pair in counts]
    tests = {
        language: McNemar(*pair, p_value, adjusted)
        for language, pair, p_value, adjusted in zip(
            languages, counts, p_values, holm(p_values), strict=True
        )
    }
    figures = []
    for name, weights in _weights(languages).items():
        if name in ("average", "others"):
            part = weights[index] > 0
            p_value = clustered_mcnemar(changes[part], first.rows[part])
            tests[name] = McNemar(*counted(part), p_value)
        share, other = (float(run @ weights) for run in accuracy)
        low, high = np.nanquantile(samples @ weights, [0.025, 0.975]).tolist()
        figures.append(PairedFigure(name, share, other, Interval(low, high), tests.get(name)))
    return figures


def _weights(languages: Sequence[str]) -> dict[str, NDArray[np.float64]]:
    """What each language counts in each figure, `[languages]`; definitions as in `SplitScores`."""
    alone = np.eye(len(languages))
    weights = dict(zip(languages, alone, strict=True))
    if len(languages) > 1:
        weights["average"] = alone.mean(axis=0)
    if "en" in languages and len(languages) > 1:
        english = weights["en"]
        weights["others"] = (1 - english) / (len(languages) - 1)
        weights["gap"] = english - weights["others"]
    return weights
