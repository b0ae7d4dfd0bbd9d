"""Scores of a classifier: accuracy and the confusion of its classes."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from infoxlm.evaluate.intervals import wilson_interval
from infoxlm.evaluate.predictions import ANSWER, GOLD, Predictions
from infoxlm.evaluate.scores import ACCURACY, Scores


def classifier_predictions(
    languages: Sequence[str] | NDArray[np.str_],
    rows: NDArray[np.int64],
    labels: NDArray[np.int64],
    probabilities: NDArray[np.float32],
    names: Sequence[str],
) -> Predictions:
    """The predictions of a classifier, each worth 1 where its most probable class is the right one.

    Args:
        languages: Language codes, `[n]`.
        rows: Row numbers, `[n]`.
        labels: The right classes' ids, `[n]`.
        probabilities: `[n, classes]`; kept to six digits.
        names: The classes' names by id.
    """
    predicted = probabilities.argmax(axis=1)
    return Predictions(
        np.asarray(languages),
        rows,
        {ACCURACY.name: (labels == predicted).astype(np.float64)},
        {
            GOLD: [names[label] for label in labels],
            ANSWER: [names[label] for label in predicted],
            "probabilities": probabilities.astype(np.float64).round(6).tolist(),
        },
    )


def classifier_scores(
    predictions: Predictions,
    names: Sequence[str],
    chance: float | None = None,
    in_script: NDArray[np.bool_] | None = None,
) -> Scores:
    """Accuracy by language, with the confusion matrices.

    Args:
        predictions: The predictions, from `classifier_predictions`.
        names: The classes' names by id.
        chance: The accuracy of a guess; None: the classes are equally frequent.
        in_script: Which examples are written in their language's script; None: it is not known.
    """
    ids = {name: i for i, name in enumerate(names)}
    gold, predicted = (
        np.array([ids[name] for name in predictions.columns[key]]) for key in (GOLD, ANSWER)
    )
    confusion = {
        language: confusion_matrix(gold[index], predicted[index], len(names))
        for language, index in predictions.by_language().items()
    }
    pooled = sum(confusion.values(), np.zeros((len(names), len(names)), np.int64))
    matrices = {"all": pooled, **confusion}
    return Scores.from_predictions(
        predictions,
        ACCURACY,
        chance=1 / len(names) if chance is None else chance,
        details={
            "confusion": {name: counts.tolist() for name, counts in matrices.items()},
            "labels": list(names),
            **({} if in_script is None else {"scripts": by_script(predictions, in_script)}),
        },
        warning=collapse(pooled, names),
    )


def by_script(
    predictions: Predictions, in_script: NDArray[np.bool_]
) -> dict[str, dict[str, dict[str, Any]]]:
    """Accuracy of rows in the language's script and of the others, where a language has both.

    Args:
        predictions: The predictions.
        in_script: Which of them are of rows in the script.

    Returns:
        By language ``in_script`` and ``other``, each with ``examples``, ``accuracy`` and its 95 %
        ``interval``.
    """
    found = {}
    for language, index in predictions.by_language().items():
        parts = {"in_script": index[in_script[index]], "other": index[~in_script[index]]}
        if all(map(len, parts.values())):
            found[language] = {
                name: _accuracy(predictions.values[ACCURACY.name][part])
                for name, part in parts.items()
            }
    return found


def _accuracy(right: NDArray[np.float64]) -> dict[str, Any]:
    correct = int(right.sum())
    return {
        "examples": len(right),
        "accuracy": correct / len(right),
        "interval": list(wilson_interval(correct, len(right))),
    }


def confusion_matrix(
    gold: NDArray[np.int64], predicted: NDArray[np.int64], classes: int
) -> NDArray[np.int64]:
    """Count `[gold, predicted]`."""
    counts = np.bincount(gold * classes + predicted, minlength=classes * classes)
    return counts.reshape(classes, classes)


def collapse(confusion: NDArray[np.int64], names: Sequence[str]) -> str | None:
    """A warning if the model gives every input the same label; None where it does not."""
    answers = np.flatnonzero(confusion.sum(axis=0))
    if len(answers) != 1:
        return None
    return (
        f"Every prediction is {names[answers[0]]!r}: the model has collapsed to chance. "
        "Lower optimizer.learning_rate or raise scheduler.warmup_ratio"
    )
