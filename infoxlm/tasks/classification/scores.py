"""Scores of a classifier: accuracy and the confusion of its classes."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

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
    predictions: Predictions, names: Sequence[str], chance: float | None = None
) -> Scores:
    """Accuracy by language, with the confusion matrices.

    Args:
        predictions: The predictions, from `classifier_predictions`.
        names: The classes' names by id.
        chance: The accuracy of a guess; None: the classes are equally frequent.
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
        },
        warning=collapse(pooled, names),
    )


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
