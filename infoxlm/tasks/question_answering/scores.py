"""What a model's answers amount to: F1 and exact match by language, and by pair of languages."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from infoxlm.evaluate.intervals import cluster_bootstrap
from infoxlm.evaluate.metric import Metric
from infoxlm.evaluate.predictions import ANSWER, GOLD, Predictions
from infoxlm.evaluate.scores import Scores
from infoxlm.tasks.probabilities import DIGITS
from infoxlm.tasks.question_answering.answer_scores import AnswerScore, Rules
from infoxlm.tasks.question_answering.answers import Answers, parallel_rows
from infoxlm.tasks.question_answering.null_threshold import null_answer_details
from infoxlm.tasks.question_answering.options import AnsweringOptions
from infoxlm.tasks.question_answering.prediction import AnswerPrediction

F1, EXACT_MATCH = Metric("f1"), Metric("exact_match")

#: Written without spaces between words, so that a clause is one word to SQuAD's rules.
_UNSPACED = ("ja", "km", "lo", "my", "th", "zh")


@dataclass(frozen=True, eq=False)
class QuestionPredictions(Predictions):
    """Predictions of a run whose questions and contexts are of one language, with what they are of.

    Attributes:
        answers: All answers, also those to questions in another language than the context's.
        options: How the answers were chosen.
    """

    answers: Sequence[Answers] = field(default=(), repr=False)
    options: AnsweringOptions = field(default_factory=AnsweringOptions)


def score_answers(
    parts: Sequence[Answers], rules: Rules, options: AnsweringOptions
) -> tuple[Scores, QuestionPredictions]:
    """Score answers.

    The scores by language are of questions and contexts in that language; pairs of two languages
    are among the details. The predictions are those by language as well, so that comparing runs
    compares what their reports show. Their rows tell which questions are translations of each
    other, also where files hold different ones: see `parallel_rows`.

    Args:
        parts: The answers of each language, or pair of languages.
        rules: When two texts are the same answer.
        options: How answers are chosen.
    """
    chosen = [part.chosen(options) for part in parts]
    worth = [
        part.scores_of([x.answer for x in found], rules)
        for part, found in zip(parts, chosen, strict=True)
    ]
    rows = parallel_rows([part.questions for part in parts])
    own = [place for place, part in enumerate(parts) if not part.is_combined]
    values = np.concatenate([worth[place] for place in own])
    predictions = QuestionPredictions(
        np.repeat([parts[x].name for x in own], [len(parts[x].questions) for x in own]),
        np.concatenate([rows[place] for place in own]),
        {name: values[:, column] for column, name in enumerate(AnswerScore._fields)},
        _columns([parts[place] for place in own], [x for place in own for x in chosen[place]]),
        parts,
        options,
    )
    details: dict[str, Any] = {"rules": rules.name}
    if len(own) < len(parts):
        details["combinations"] = _combinations([part.name for part in parts], worth, rows)
    if all(parts[place].null_scores is not None for place in own):
        details["null_answers"] = {
            "threshold": options.null_threshold,
            **null_answer_details([parts[x] for x in own], [worth[x] for x in own], rules),
        }
    languages = [parts[place].name for place in own]
    scores = Scores.from_predictions(
        predictions,
        F1,
        (EXACT_MATCH,),
        details=details,
        warning=_warning(predictions),
        explanation=explained(rules, languages),
    )
    return scores, predictions


def explained(rules: Rules, languages: Sequence[str]) -> str:
    """By which rules answers were scored, and what that means for some languages."""
    text = f"F1 and exact match by {rules.title}'s rules"
    if rules.languages:
        return f"{text} for the language of the context."
    if set(languages) == {"en"}:
        return f"{text}."
    text += ", in every language: words end at white space, articles are English."
    unspaced = [language for language in languages if language in _UNSPACED]
    if unspaced:
        text += (
            f" In {' and '.join(unspaced)}, written without spaces, most answers are then one "
            "word: a part of one counts for little, and F1 is nearer to exact match than elsewhere."
        )
    return text


def _columns(parts: Sequence[Answers], chosen: Sequence[AnswerPrediction]) -> dict[str, list[Any]]:
    """What predictions.jsonl tells of each answer."""
    questions = [question for part in parts for question in part.questions]
    columns: dict[str, list[Any]] = {
        "id": [question.id for question in questions],
        GOLD: [[gold.text for gold in question.answers] for question in questions],
        ANSWER: [x.answer for x in chosen],
        "start": [x.start for x in chosen],
        "probability": [round(x.probability, DIGITS) for x in chosen],
    }
    if all(part.null_scores is not None for part in parts):
        differences = np.concatenate([part.null_differences() for part in parts])
        columns["null_score_diff"] = differences.round(DIGITS).tolist()
    return columns


def _combinations(
    names: Sequence[str],
    worth: Sequence[NDArray[np.float64]],
    rows: Sequence[NDArray[np.int64]],
) -> dict[str, Any]:
    """Scores of each pair of languages, and their mean: MLQA's generalised transfer.

    Returns:
        By metric and pair the mean, its average over the pairs and the 95 % interval of that, in
        which a question is drawn with all of its translations, and the ``examples``.
    """
    values, clusters = np.concatenate(worth), np.concatenate(rows)
    weights = np.concatenate([np.full(len(part), 1 / len(part)) for part in worth])
    found: dict[str, Any] = {"average": {}, "average_interval": {}}
    for column, metric in enumerate(AnswerScore._fields):
        found[metric] = {
            name: float(part[:, column].sum() / len(part))
            for name, part in zip(names, worth, strict=True)
        }
        found["average"][metric] = float(np.mean(list(found[metric].values())))
        interval = cluster_bootstrap(values[:, column], clusters, weights=weights)
        found["average_interval"][metric] = list(interval)
    found["examples"] = {name: len(part) for name, part in zip(names, worth, strict=True)}
    return found


def _warning(predictions: QuestionPredictions) -> str | None:
    """What to do about a model that answers nothing; None where it does."""
    columns: Mapping[str, Sequence[Any]] = predictions.columns
    if any(columns[ANSWER]) or not any(columns[GOLD]):
        return None
    return (
        "No question is answered, though some have answers: the model has collapsed. Lower "
        "optimizer.learning_rate or raise scheduler.warmup_ratio"
    )
