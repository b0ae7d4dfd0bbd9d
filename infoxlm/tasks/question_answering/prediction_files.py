"""Answers in the files that other programs read: SQuAD's form and transformers' n best.

Official scripts take ``predictions.json``, as ``{id: answer}``; the one of SQuAD 2.0 also
``null_odds.json``. Both and ``nbest_predictions.json`` have the names and the form that
transformers' run_qa gives them, one of each a language, or pair of languages of context and
question: ``predictions/predictions.de.json``, ``predictions/predictions.de-en.json``.
"""

from pathlib import Path
from typing import Any

import numpy as np

from infoxlm.files.atomic import write_json
from infoxlm.tasks.probabilities import softmax
from infoxlm.tasks.question_answering.answers import Answers
from infoxlm.tasks.question_answering.options import AnsweringOptions

#: The folder of these files in a run's.
FOLDER = "predictions"


def write_answers(part: Answers, options: AnsweringOptions, folder: Path) -> None:
    """Write the answers to the questions of one language, or of a pair of languages.

    Args:
        part: The answers.
        options: How they are chosen.
        folder: The run's folder.
    """
    ids = [question.id for question in part.questions]
    texts = [x.answer for x in part.chosen(options)]
    files: dict[str, Any] = {
        "predictions": dict(zip(ids, texts, strict=True)),
        "nbest_predictions": dict(zip(ids, n_best(part, options), strict=True)),
    }
    if part.null_scores is not None:
        files["null_odds"] = dict(zip(ids, part.null_differences().tolist(), strict=True))
    for name, found in files.items():
        write_json(folder / FOLDER / f"{name}.{part.name}.json", found, indent=None)


def n_best(part: Answers, options: AnsweringOptions) -> list[list[dict[str, Any]]]:
    """The n best answers to each question, the best first, "no answer" among them as "".

    Each has its ``text``, its characters from ``start`` to ``end``, its ``score`` (the logit of
    its start and that of its end, added) and its ``probability`` among them.
    """
    answers = []
    for question, ranked in zip(part.questions, part.ranked(options), strict=True):
        shares = softmax(np.array([x.score for x in ranked])).tolist() if ranked else []
        answers.append(
            [
                {
                    "text": question.context[x.start : x.end],
                    "start": x.start,
                    "end": x.end,
                    "score": x.score,
                    "probability": share,
                }
                for x, share in zip(ranked, shares, strict=True)
            ]
        )
    return answers
