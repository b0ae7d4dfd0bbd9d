"""Questions with parts of their contexts, as long as a model's input may be."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from infoxlm.tasks.inference import Encoded
from infoxlm.tasks.question_answering.questions import Question
from infoxlm.tokenization.tokenizer import InfoXLMTokenizer


@dataclass(frozen=True, eq=False)
class Windows(Encoded):
    """Sequences ``<s> question </s></s> part of the context </s>``.

    `truncated` says which questions were cut; contexts never are.

    Attributes:
        questions: Number of the question that each window is of, int64 ``[windows]``.
        spans: Of each window, the characters [from, to) of the context that each token covers,
            int32 ``[tokens, 2]``; -1 for the question and ``<s>``, ``</s>``.
        contexts: The whole context of each question.
    """

    questions: np.ndarray
    spans: Sequence[np.ndarray]
    contexts: Sequence[str]


def windows_of(
    tokenizer: InfoXLMTokenizer,
    questions: Sequence[str],
    contexts: Sequence[str],
    *,
    max_length: int,
    stride: int,
    max_question_length: int,
) -> Windows:
    """Tokenize questions with their contexts, each context cut into overlapping windows.

    Args:
        tokenizer: The model's.
        questions: The questions.
        contexts: The context of each.
        max_length: Most tokens of a window.
        stride: Tokens of the context that two windows next to each other share.
        max_question_length: Most tokens of a question; of a longer one the rest is left out.

    Raises:
        UserError: So long a question leaves no room for more of the context than `stride`.
    """
    raise NotImplementedError


def training_targets(windows: Windows, questions: Sequence[Question]) -> Mapping[str, np.ndarray]:
    """Find the first answer of each question among the tokens of its windows.

    Args:
        windows: What `windows_of` made of the questions.
        questions: The questions.

    Returns:
        ``start`` and ``end``, the positions of the answer's first and last token, int64
        ``[windows]``; 0, that of ``<s>``, where a window does not hold the answer whole.
    """
    raise NotImplementedError
