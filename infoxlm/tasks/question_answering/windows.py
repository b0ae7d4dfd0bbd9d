"""Questions with parts of their contexts, as long as a model's input may be."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from infoxlm.constants import BOS_ID, EOS_ID
from infoxlm.errors import UserError
from infoxlm.tasks.inference import Encoded
from infoxlm.tasks.question_answering.questions import Question
from infoxlm.tokenization.token_ids import TokenIds, offsets_from, ranges
from infoxlm.tokenization.tokenizer import InfoXLMTokenizer

#: The tokens around question and context: ``<s>``, ``</s></s>`` and ``</s>``.
SPECIAL = 4


@dataclass(frozen=True, eq=False)
class Windows(Encoded):
    """Sequences ``<s> question </s></s> part of the context </s>``.

    `truncated` says which questions were cut; contexts never are.

    Attributes:
        questions: Number of the question that each window is of, int64 ``[windows]``.
        spans: Of each window, the characters [from, to) of the context that each token covers,
            int32 ``[tokens, 2]``; -1 for the question and ``<s>``, ``</s>``. A token that is but a
            space covers nothing, so that its two ends are equal.
        contexts: The whole context of each question.
    """

    questions: np.ndarray
    spans: Sequence[np.ndarray]
    contexts: Sequence[str]


def context_room(max_length: int, max_question_length: int) -> int:
    """Count the tokens of a context that a window holds next to the longest question."""
    return max_length - SPECIAL - max_question_length


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

    Windows are those of transformers' run_qa, whose `doc_stride` is our `stride`: the overlap.
    In XTREME's script, as in BERT's, `doc_stride` is the step from one window to the next.

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
    least = context_room(max_length, max_question_length)
    if least <= stride:
        raise UserError(
            f"max_length={max_length} leaves {least} tokens "
            f"for the context after a question of {max_question_length}, and stride={stride} of "
            "them are the window's before",
            "Set a larger data.max_length, or a smaller task.stride or task.max_question_length.",
        )
    asked = tokenizer.pieces(questions)
    question_lengths = np.minimum(asked.lengths, max_question_length)
    # Questions share contexts, which are far longer than they are.
    distinct: dict[str, int] = {}
    which = np.array([distinct.setdefault(x, len(distinct)) for x in contexts], np.int64)
    texts = tokenizer.spanned_pieces(list(distinct))
    text_lengths, text_starts = texts.token_ids.lengths[which], texts.token_ids.offsets[which]

    room = max_length - SPECIAL - question_lengths
    step = room - stride
    counts = 1 - (-np.maximum(text_lengths - room, 0) // step)
    of = np.repeat(np.arange(len(questions)), counts)
    shifts = (np.arange(len(of)) - np.repeat(np.cumsum(counts) - counts, counts)) * step[of]
    part_lengths = np.minimum(room[of], text_lengths[of] - shifts)

    offsets = offsets_from(question_lengths[of] + part_lengths + SPECIAL)
    starts = offsets[:-1]
    ids = np.full(offsets[-1], EOS_ID, np.int32)
    ids[starts] = BOS_ID
    places = ranges(starts + 1, question_lengths[of])
    ids[places] = asked.ids[ranges(asked.offsets[of], question_lengths[of])]
    places = ranges(starts + question_lengths[of] + 3, part_lengths)
    part = ranges(text_starts[of] + shifts, part_lengths)
    ids[places] = texts.token_ids.ids[part]
    spans = np.full((len(ids), 2), -1, np.int32)
    spans[places] = texts.spans[part]
    return Windows(
        TokenIds(ids, offsets),
        asked.lengths > max_question_length,
        of,
        [spans[start:end] for start, end in zip(starts, offsets[1:], strict=True)],
        contexts,
    )


def training_targets(windows: Windows, questions: Sequence[Question]) -> Mapping[str, np.ndarray]:
    """Find the first answer of each question among the tokens of its windows.

    Args:
        windows: What `windows_of` made of the questions.
        questions: The questions.

    Returns:
        ``start`` and ``end``, the positions of the answer's first and last token, int64
        ``[windows]``; 0, that of ``<s>``, where a window does not hold the answer whole.
    """
    offsets, of = windows.token_ids.offsets, windows.questions
    targets = {"start": np.zeros(len(of), np.int64), "end": np.zeros(len(of), np.int64)}
    answers = [question.answers[0] if question.answers else None for question in questions]
    begins = np.array([answer.start if answer else -1 for answer in answers], np.int64)
    ends = begins + np.array([len(answer.text) if answer else 0 for answer in answers], np.int64)
    window = np.repeat(np.arange(len(of)), windows.token_ids.lengths)
    first, end = np.concatenate([np.zeros((0, 2), np.int32), *windows.spans]).T
    covers = (first < end) & (end > begins[of][window]) & (first < ends[of][window])

    tokens = np.flatnonzero(covers)
    holding, head, count = np.unique(window[tokens], return_index=True, return_counts=True)
    heads, tails = tokens[head], tokens[head + count - 1]
    # A window holds the answer whole if it has both the first and the last of the tokens that
    # cover the answer in any window.
    least, most = np.full(len(questions), np.iinfo(np.int32).max), np.zeros(len(questions))
    np.minimum.at(least, of[holding], first[heads])
    np.maximum.at(most, of[holding], end[tails])
    whole = (first[heads] == least[of[holding]]) & (end[tails] == most[of[holding]])
    holding = holding[whole]
    targets["start"][holding] = heads[whole] - offsets[holding]
    targets["end"][holding] = tails[whole] - offsets[holding]
    return targets
