"""From which score on "no answer" is the answer: the threshold, and what it is worth.

The difference of the scores of "no answer" and of the best answer decides. As in the official
script of SQuAD 2.0 and in transformers' run_qa, "no answer" is given where it is larger than the
threshold. Two things differ from that script: a threshold cannot part questions of equal
differences, and one that answers no question is below all differences. The script says 0 there,
which answers nothing by probabilities, but by differences still answers some.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from infoxlm.tasks.question_answering.answer_scores import AnswerScore, Rules
from infoxlm.tasks.question_answering.answers import Answers

#: What figures over all languages stand under.
ALL = "all"


class Threshold(NamedTuple):
    """A threshold, and the mean of a metric with it."""

    threshold: float
    value: float


def best_threshold(
    differences: NDArray[np.float64],
    answered: NDArray[np.float64],
    unanswered: NDArray[np.float64],
) -> Threshold:
    """The threshold with the best mean; of several the lowest.

    Args:
        differences: By how much "no answer" scores better than the best answer, `[n]`.
        answered: What each question is worth with the best answer, `[n]`.
        unanswered: What it is worth with "no answer", `[n]`.
    """
    order = np.argsort(differences, kind="stable")
    ranked = differences[order]
    # At place k the k questions of the lowest differences are answered.
    totals = np.cumsum(np.concatenate([[unanswered.sum()], (answered - unanswered)[order]]))
    possible = np.concatenate([[True], ranked[1:] > ranked[:-1], [True]])
    best = int(np.argmax(np.where(possible, totals, -np.inf)))
    threshold = ranked[best - 1] if best else min(0.0, np.nextafter(ranked[0], -np.inf))
    return Threshold(float(threshold), float(totals[best] / len(ranked)))


def null_answer_details(
    parts: Sequence[Answers], given: Sequence[NDArray[np.float64]], rules: Rules
) -> dict[str, Any]:
    """What there is to tell of questions that may have no answer, as plain JSON.

    Args:
        parts: Answers to the questions of some languages, with scores of "no answer".
        given: What the answers given are worth, F1 and exact match, `[n, 2]` a part.
        rules: When two texts are the same answer.

    Returns:
        ``best_threshold`` by metric and language, ``all`` among them; and of the ``answerable``
        and the ``unanswerable`` questions each metric and the number of ``examples`` by language.
    """
    languages = np.repeat([part.name for part in parts], [len(part.questions) for part in parts])
    places = {ALL: np.arange(len(languages))} | {
        part.name: np.flatnonzero(languages == part.name) for part in parts
    }
    differences = np.concatenate([part.null_differences() for part in parts])
    answered, unanswered = (
        np.concatenate([part.scores_of(texts, rules) for part, texts in zip(parts, x, strict=True)])
        for x in (
            [part.best_texts() for part in parts],
            [[""] * len(part.questions) for part in parts],
        )
    )
    answerable = np.array([bool(x.answers) for part in parts for x in part.questions])
    worth = np.concatenate(given)
    details: dict[str, Any] = {"best_threshold": {}}
    for column, metric in enumerate(AnswerScore._fields):
        details["best_threshold"][metric] = {
            name: best_threshold(
                differences[at], answered[at, column], unanswered[at, column]
            )._asdict()
            for name, at in places.items()
        }
    for kind, mask in (("answerable", answerable), ("unanswerable", ~answerable)):
        kept = {name: at[mask[at]] for name, at in places.items() if mask[at].any()}
        details[kind] = {
            metric: {name: float(worth[at, column].mean()) for name, at in kept.items()}
            for column, metric in enumerate(AnswerScore._fields)
        }
        details[kind]["examples"] = {name: len(at) for name, at in kept.items()}
    return details
