"""Answers with probabilities, and how they come out of candidates."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from infoxlm.tasks.probabilities import softmax
from infoxlm.tasks.question_answering.decoding import Candidate, with_null
from infoxlm.tasks.question_answering.options import AnsweringOptions

#: How many answers are given next to the best.
ALTERNATIVES = 4


@dataclass(frozen=True, slots=True)
class AnswerSpan:
    """A piece of the context.

    Attributes:
        answer: The piece; empty for "no answer".
        start: Its first character in the context, counted from 0.
        end: The character behind its last.
        probability: Its share among the n best answers.
    """

    answer: str
    start: int
    end: int
    probability: float


@dataclass(frozen=True, slots=True)
class AnswerPrediction:
    """The best answer, and the next best ones.

    Attributes:
        answer: The piece of the context that answers best; empty for "no answer".
        start: Its first character in the context, counted from 0.
        end: The character behind its last.
        probability: Its share among the n best answers: softmax over their scores, as in
            transformers' run_qa. It says how the answers compare, not how often they are right.
        alternatives: The next best answers, the best first.
        truncated: Whether the question was cut. Contexts are not: they are read in windows.
    """

    answer: str
    start: int
    end: int
    probability: float
    alternatives: list[AnswerSpan]
    truncated: bool = False


def answer_of(
    candidates: Sequence[Candidate],
    null_score: float | None,
    context: str,
    options: AnsweringOptions,
    *,
    truncated: bool,
) -> AnswerPrediction:
    """Choose among candidates.

    Args:
        candidates: The n best, best first.
        null_score: The score of "no answer"; None where the model always answers.
        context: What they are pieces of.
        options: The model's.
        truncated: Whether the question was cut.
    """
    ranked, chosen = list(candidates), 0
    if null_score is not None and math.isfinite(null_score):
        ranked = with_null(candidates, null_score, options.n_best)
        best = next((each.score for each in candidates), -math.inf)
        says_null = null_score - best > options.null_threshold
        chosen = next(at for at, each in enumerate(ranked) if (each.window < 0) is says_null)
    if not ranked:
        return AnswerPrediction("", 0, 0, 0.0, [], truncated)
    shares = softmax(np.array([each.score for each in ranked])).tolist()
    spans = [
        AnswerSpan(context[each.start : each.end], each.start, each.end, share)
        for each, share in zip(ranked, shares, strict=True)
    ]
    answer = spans.pop(chosen)
    return AnswerPrediction(
        answer.answer,
        answer.start,
        answer.end,
        answer.probability,
        spans[:ALTERNATIVES],
        truncated,
    )
