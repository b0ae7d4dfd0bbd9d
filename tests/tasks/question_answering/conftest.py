"""Answers made by hand, as decoding would give them."""

import numpy as np
import pytest

from infoxlm.tasks.question_answering.answers import Answers
from infoxlm.tasks.question_answering.decoding import Candidate
from infoxlm.tasks.question_answering.questions import Answer, Question


@pytest.fixture
def question():
    """A question whose context is its gold answers, one behind the other."""

    def make(name, row, *golds, context="the red cat sat on the mat"):
        answers = tuple(Answer(gold, context.index(gold)) for gold in golds)
        return Question(name, "who?", context, answers, row)

    return make


@pytest.fixture
def answers():
    """Answers in a language: each a text of the context, or several, the best first.

    Their scores are 5, 4, 3 and so on.
    """

    def make(language, questions, texts, nulls=None, question_language=""):
        candidates = []
        for each, found in zip(questions, texts, strict=True):
            listed = [found] if isinstance(found, str) else found
            starts = [each.context.index(text) for text in listed]
            candidates.append(
                [
                    Candidate(start, start + len(text), 5.0 - place, 0)
                    for place, (start, text) in enumerate(zip(starts, listed, strict=True))
                ]
            )
        nulls = None if nulls is None else np.array(nulls, np.float64)
        return Answers(language, questions, candidates, nulls, question_language)

    return make
