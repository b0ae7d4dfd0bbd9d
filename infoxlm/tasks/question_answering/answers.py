"""A model's answers to many questions, as they are scored and written."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from infoxlm.tasks.question_answering.answer_scores import Rules, score_answer
from infoxlm.tasks.question_answering.decoding import Candidate, with_null
from infoxlm.tasks.question_answering.options import AnsweringOptions
from infoxlm.tasks.question_answering.prediction import AnswerPrediction, answer_of
from infoxlm.tasks.question_answering.questions import Question


@dataclass(frozen=True, eq=False)
class Answers:
    """A model's answers to the questions of one language, or of a pair of languages.

    Attributes:
        language: Of the contexts, and so of the answers.
        questions: `n` questions.
        candidates: The n best answers to each, the best first.
        null_scores: The score of "no answer" to each, float64 `[n]`; None where each question has
            one.
        question_language: Of the questions; empty: that of the contexts.
    """

    language: str
    questions: Sequence[Question]
    candidates: Sequence[Sequence[Candidate]]
    null_scores: NDArray[np.float64] | None = None
    question_language: str = ""

    @property
    def is_combined(self) -> bool:
        """Whether questions and contexts are of different languages."""
        return self.question_language not in ("", self.language)

    @property
    def name(self) -> str:
        """The language, or the pair of the context's and the question's, such as "de-en"."""
        return f"{self.language}-{self.question_language}" if self.is_combined else self.language

    def chosen(self, options: AnsweringOptions) -> list[AnswerPrediction]:
        """The answer to each question.

        Args:
            options: The model's.
        """
        return [
            answer_of(found, null, question.context, options, truncated=False)
            for question, found, null in zip(
                self.questions, self.candidates, self._null_scores(), strict=True
            )
        ]

    def best_texts(self) -> list[str]:
        """The best answer to each question that is not "no answer"; empty where there is none."""
        return [
            question.context[found[0].start : found[0].end] if found else ""
            for question, found in zip(self.questions, self.candidates, strict=True)
        ]

    def scores_of(self, texts: Sequence[str], rules: Rules) -> NDArray[np.float64]:
        """What texts are worth as answers to the questions, F1 and exact match, `[n, 2]`.

        Args:
            texts: The answer to each question.
            rules: When two texts are the same answer.
        """
        scores = [
            score_answer(text, [gold.text for gold in question.answers], rules, self.language)
            for question, text in zip(self.questions, texts, strict=True)
        ]
        return np.array(scores, np.float64).reshape(-1, 2)

    def ranked(self, options: AnsweringOptions) -> list[Sequence[Candidate]]:
        """The n best answers to each question, "no answer" among them where it may be one."""
        return [
            found if null is None else with_null(found, null, options.n_best)
            for found, null in zip(self.candidates, self._null_scores(), strict=True)
        ]

    def _null_scores(self) -> list[float | None]:
        """The score of "no answer" to each question; None where it is none or no number."""
        if self.null_scores is None:
            return [None] * len(self.questions)
        return [null if math.isfinite(null) else None for null in self.null_scores.tolist()]

    def null_differences(self) -> NDArray[np.float64]:
        """By how much "no answer" scores better than the best answer, `[n]`.

        Called `null_score_diff` by transformers' run_qa; without any candidate, which is then
        worth 0, it is the score of "no answer" here as there.
        """
        assert self.null_scores is not None
        best = [found[0].score if found else 0.0 for found in self.candidates]
        return np.nan_to_num(self.null_scores - np.array(best), posinf=0.0, neginf=0.0)


def parallel_rows(parts: Sequence[Sequence[Question]]) -> list[NDArray[np.int64]]:
    """Row numbers that are equal for the same question in several languages, and only for it.

    Ids tell which questions these are. Where each id stands in the same row of every file, as in
    XQuAD, the numbers are those rows. Where files hold other questions or another order, as MLQA's
    do, row 5 is one question here and another there, and resampling rows would tie together what
    has nothing in common: the numbers then count the ids, in their order.

    Args:
        parts: The questions of each language, or pair of languages.
    """
    places = {(question.id, question.row) for part in parts for question in part}
    ids, rows = {x for x, _ in places}, {row for _, row in places}
    if len(places) == len(ids) == len(rows):
        return [np.array([question.row for question in part], np.int64) for part in parts]
    number = {found: place for place, found in enumerate(sorted(ids))}
    return [np.array([number[question.id] for question in part], np.int64) for part in parts]
