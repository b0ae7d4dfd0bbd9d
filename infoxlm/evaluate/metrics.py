"""What one split's predictions amount to: accuracy per language and what follows from it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from infoxlm.constants import LABELS, LANGUAGES
from infoxlm.evaluate.intervals import Interval, cluster_bootstrap, wilson_interval
from infoxlm.schema import SelectOn
from infoxlm.schema.json_shapes import entries, fields, items, number, optional, whole

_N = len(LABELS)

#: Accuracies and what follows from them; rounding may take one just beyond 1.
_SHARE = number(-2, 2)
_INTERVAL = items(_SHARE, 2)
#: What `SplitScores.as_dict` gives; older versions wrote less.
SCORES = fields(
    {
        "accuracy": entries(_SHARE),
        "average": _SHARE,
        "average_interval": optional(_INTERVAL),
        "others": optional(_SHARE),
        "others_interval": optional(_INTERVAL),
        "gap": optional(_SHARE),
        "examples": entries(whole()),
        "interval": entries(_INTERVAL),
        "confusion": entries(items(items(whole(), _N), _N)),
    },
    required=["accuracy", "average"],
)


@dataclass(frozen=True)
class SplitScores:
    """Scores of one split; all but one follow from the confusion matrices.

    Attributes:
        confusion: Per language the counts `[gold, predicted]`, int64 `[3, 3]`, in the order of
            LANGUAGES and LABELS.
        average_interval: 95 % interval of `average` that knows which examples are translations
            of each other; None when the row numbers were not given.
        others_interval: The same of `others`.
    """

    confusion: Mapping[str, NDArray[np.int64]]
    average_interval: Interval | None = None
    others_interval: Interval | None = None

    @classmethod
    def from_predictions(
        cls,
        labels: Mapping[str, NDArray[np.int64]],
        predictions: Mapping[str, NDArray[np.int64]],
        rows: Mapping[str, NDArray[np.int64]] | None = None,
    ) -> "SplitScores":
        """Tally predictions.

        Args:
            labels: Gold label ids per language, each `[n]` with n at least 1.
            predictions: Predicted label ids of the same examples.
            rows: Row numbers of the same examples, equal for translations of each other.
        """
        if labels.keys() != predictions.keys() or not labels or labels.keys() - set(LANGUAGES):
            raise ValueError(f"labels of {sorted(labels)}, predictions of {sorted(predictions)}")
        languages = [language for language in LANGUAGES if language in labels]
        confusion = {
            language: _confusion(labels[language], predictions[language]) for language in languages
        }
        if rows is None:
            return cls(confusion)

        def interval(languages: list[str]) -> Interval:
            correct = [labels[language] == predictions[language] for language in languages]
            return cluster_bootstrap(
                np.concatenate(correct),
                np.concatenate([rows[language] for language in languages]),
                weights=np.concatenate([np.full(len(part), 1 / len(part)) for part in correct]),
            )

        others = [language for language in languages if language != "en"]
        transferred = len(others) < len(languages) and others
        return cls(confusion, interval(languages), interval(others) if transferred else None)

    @property
    def examples(self) -> dict[str, int]:
        """Number of examples per language."""
        return {language: int(counts.sum()) for language, counts in self.confusion.items()}

    @property
    def accuracy(self) -> dict[str, float]:
        """Share of correct predictions per language."""
        return {
            language: float(np.trace(counts) / counts.sum())
            for language, counts in self.confusion.items()
        }

    @property
    def average(self) -> float:
        """Mean of the languages' accuracies, each language counting the same."""
        return float(np.mean(list(self.accuracy.values())))

    @property
    def others(self) -> float | None:
        """Mean of the accuracies of all languages but English; None without English or others."""
        others = [x for language, x in self.accuracy.items() if language != "en"]
        return float(np.mean(others)) if "en" in self.confusion and others else None

    @property
    def gap(self) -> float | None:
        """English accuracy minus the mean of the others; None without English or others.

        The cross-lingual transfer gap of Chi et al. (2021), "InfoXLM", and of XTREME.
        """
        return None if self.others is None else self.accuracy["en"] - self.others

    def selected(self, select_on: SelectOn) -> float:
        """The accuracy that decides between checkpoints: the average, or English."""
        return self.accuracy["en"] if select_on is SelectOn.dev_en else self.average

    @property
    def pooled_confusion(self) -> NDArray[np.int64]:
        """Counts `[gold, predicted]` over all languages, `[3, 3]`."""
        return sum(self.confusion.values(), np.zeros((_N, _N), np.int64))

    @property
    def only_prediction(self) -> str | None:
        """The label that every example got, when there is just one: the model has collapsed."""
        predicted = np.flatnonzero(self.pooled_confusion.sum(axis=0))
        return LABELS[predicted[0]] if len(predicted) == 1 else None

    @property
    def interval(self) -> dict[str, Interval]:
        """Wilson 95 % interval of each language's accuracy."""
        return {
            language: wilson_interval(int(np.trace(counts)), int(counts.sum()))
            for language, counts in self.confusion.items()
        }

    def as_dict(self) -> dict[str, Any]:
        """The form in results.json: plain Python values, every share a fraction.

        The key "all" of `confusion` holds the counts over all languages.
        """
        confusion = {"all": self.pooled_confusion, **self.confusion}
        return {
            "accuracy": self.accuracy,
            "average": self.average,
            "average_interval": list(self.average_interval) if self.average_interval else None,
            "others": self.others,
            "others_interval": list(self.others_interval) if self.others_interval else None,
            "gap": self.gap,
            "examples": self.examples,
            "interval": {language: list(pair) for language, pair in self.interval.items()},
            "confusion": {name: counts.tolist() for name, counts in confusion.items()},
        }

    @classmethod
    def from_dict(cls, scores: Mapping[str, Any]) -> "SplitScores":
        """The scores that `as_dict` was made of.

        Raises:
            ValueError: These are none.
        """

        def interval(name: str) -> Interval | None:
            return Interval(*scores[name]) if scores.get(name) else None

        SCORES(scores)
        confusion = {
            language: np.array(counts, np.int64)
            for language, counts in scores.get("confusion", {}).items()
            if language != "all"
        }
        if not confusion or not all(counts.any() for counts in confusion.values()):
            raise ValueError("there are no scores, or scores of no examples")
        return cls(confusion, interval("average_interval"), interval("others_interval"))


def _confusion(labels: NDArray[np.int64], predictions: NDArray[np.int64]) -> NDArray[np.int64]:
    """Count `[gold, predicted]`."""
    if labels.shape != predictions.shape or labels.size == 0:
        raise ValueError(f"{labels.shape} labels with {predictions.shape} predictions")
    if min(labels.min(), predictions.min()) < 0 or max(labels.max(), predictions.max()) >= _N:
        raise ValueError(f"label ids must be 0 to {_N - 1}")
    cells = labels.astype(np.int64) * _N + predictions
    return np.bincount(cells, minlength=_N * _N).reshape(_N, _N)
