"""Windows over the questions' contexts, the same for both sides: the package's own.

They are those of transformers' run_qa (`tests/tasks/question_answering`), so that what is compared
is computing and learning.
"""

from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np

from infoxlm.tasks.question_answering.decoding import Candidate, best_answers
from infoxlm.tasks.question_answering.options import AnsweringOptions
from infoxlm.tasks.question_answering.questions import Question
from infoxlm.tasks.question_answering.squad_file import read_entries
from infoxlm.tasks.question_answering.windows import Windows, training_targets, windows_of
from infoxlm.tokenization.tokenizer import InfoXLMTokenizer

#: XQuAD's languages.
LANGUAGES = ("ar", "de", "el", "en", "es", "hi", "ro", "ru", "th", "tr", "vi", "zh")
#: Tokens of a window, and how windows are cut and answers are chosen: XTREME's numbers, but for the
#: stride, by which our windows overlap and XTREME's begin one behind the other.
MAX_LENGTH = 384
OPTIONS = AnsweringOptions()


class Features(NamedTuple):
    """Windows to learn from.

    Attributes:
        windows: The windows.
        targets: The tokens that the answer begins and ends with: ``start``, ``end``.
    """

    windows: Windows
    targets: Mapping[str, np.ndarray]


def read_questions(file: Path, limit: int | None = None) -> list[Question]:
    """The first questions of a file in SQuAD's form."""
    return [entry.question for entry in islice(read_entries((file,)), limit)]


def xquad_file(root: Path, language: str) -> Path:
    """XQuAD's file of a language, by either of the names that it has."""
    own = root / f"xquad.{language}.json"
    return own if own.exists() else root / f"{language}.json"


def xquad_questions(root: Path, count: int | None) -> list[Question]:
    """The first questions of each language of XQuAD, one language after the other."""
    files = (xquad_file(root, language) for language in LANGUAGES)
    return [question for file in files for question in read_questions(file, count)]


def split(tokenizer: InfoXLMTokenizer, questions: list[Question]) -> Windows:
    """Tokenize questions with parts of their contexts."""
    return windows_of(
        tokenizer,
        [question.question for question in questions],
        [question.context for question in questions],
        max_length=MAX_LENGTH,
        stride=OPTIONS.stride,
        max_question_length=OPTIONS.max_question_length,
    )


def features(tokenizer: InfoXLMTokenizer, questions: list[Question]) -> Features:
    """Tokenize questions, and find their answers among the tokens."""
    windows = split(tokenizer, questions)
    return Features(windows, training_targets(windows, questions))


def answers_of(outputs: Sequence[np.ndarray], windows: Windows) -> list[list[Candidate]]:
    """Choose the n best answers to each question, out of the logits of its windows."""
    return best_answers(
        outputs,
        windows,
        len(windows.contexts),
        n_best=OPTIONS.n_best,
        max_answer_length=OPTIONS.max_answer_length,
    )
