"""Questions as numbers: windows with the tokens that are learned, or with the text they cover."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from infoxlm.data.encoding import encode_split
from infoxlm.data.examples import Examples
from infoxlm.data.token_cache import TokenCache
from infoxlm.reporting.counts import counted
from infoxlm.schema import QuestionAnsweringConfig
from infoxlm.tasks.question_answering.answers import Answers
from infoxlm.tasks.question_answering.decoding import best_answers, null_scores
from infoxlm.tasks.question_answering.layouts import combined
from infoxlm.tasks.question_answering.options import AnsweringOptions
from infoxlm.tasks.question_answering.questions import Question
from infoxlm.tasks.question_answering.source import QuestionSource
from infoxlm.tasks.question_answering.windows import Windows, training_targets, windows_of
from infoxlm.tokenization.token_ids import TokenIds
from infoxlm.tokenization.tokenizer import InfoXLMTokenizer

logger = logging.getLogger(__name__)

#: Encodes some thousand questions for the token cache.
Encode = Callable[[Sequence[Question]], tuple[TokenIds, Mapping[str, np.ndarray]]]


@dataclass(frozen=True, eq=False)
class QuestionExamples(Examples):
    """The windows of a split in one language, and the questions that they are of.

    Attributes:
        questions: The questions, in the order of their rows.
    """

    questions: Sequence[Question] = field(default=(), repr=False)

    @classmethod
    def of(cls, examples: Examples, questions: Sequence[Question]) -> "QuestionExamples":
        """Add questions to what the token cache holds of them."""
        return cls(
            examples.token_ids,
            examples.targets,
            examples.rows,
            examples.language,
            examples.file,
            questions=questions,
        )

    def answers(self, outputs: Sequence[np.ndarray], options: AnsweringOptions) -> Answers:
        """The answers to the questions.

        Args:
            outputs: Of each window the logits of starts and ends, `[tokens, 2]`.
            options: How answers are chosen.
        """
        windows, count = self.windows(), len(self.questions)
        found = best_answers(
            outputs,
            windows,
            count,
            n_best=options.n_best,
            max_answer_length=options.max_answer_length,
        )
        nulls = null_scores(outputs, windows, count) if options.may_be_unanswerable else None
        context, question = combined(self.language) or (self.language, "")
        return Answers(context, self.questions, found, nulls, question)

    def windows(self) -> Windows:
        """The windows as they were before they were cached, but for which questions were cut."""
        rows = np.array([question.row for question in self.questions], np.int64)
        lengths = self.token_ids.lengths.tolist()
        spans = self.targets["spans"]
        return Windows(
            self.token_ids,
            np.zeros(len(rows), bool),
            np.searchsorted(rows, self.rows),
            [spans[number, :length] for number, length in enumerate(lengths)],
            [question.context for question in self.questions],
        )


def encoder(
    tokenizer: InfoXLMTokenizer,
    options: QuestionAnsweringConfig,
    max_length: int,
    *,
    training: bool,
) -> Encode:
    """What makes numbers of questions, a row for each window.

    Args:
        tokenizer: The model's.
        options: How long contexts are split.
        max_length: Most tokens of a window.
        training: Whether the windows are learned from, and not answered.

    Returns:
        A function to sequences and arrays: of each window the question's `rows` and whether the
        question was `cut`; in training `start` and `end` of the answer, else `spans`, the
        characters that each token covers, int32 `[n, max_length, 2]`.
    """

    def encode(questions: Sequence[Question]) -> tuple[TokenIds, Mapping[str, np.ndarray]]:
        windows = windows_of(
            tokenizer,
            [question.question for question in questions],
            [question.context for question in questions],
            max_length=max_length,
            stride=options.stride,
            max_question_length=options.max_question_length,
        )
        rows = np.array([question.row for question in questions], np.int64)
        shared = {"rows": rows[windows.questions], "cut": windows.truncated[windows.questions]}
        if training:
            return windows.token_ids, {**shared, **training_targets(windows, questions)}
        return windows.token_ids, {**shared, "spans": padded_spans(windows.spans, max_length)}

    return encode


def load_questions(
    source: QuestionSource,
    split: str,
    languages: Sequence[str],
    cache: TokenCache,
    options: QuestionAnsweringConfig,
    *,
    limit: int | None,
) -> list[Examples]:
    """Read and tokenize a split, a language after the other.

    Args:
        source: Where the questions come from.
        split: `train`, `dev` or `test`.
        languages: Codes of the languages, combinations of two among them.
        cache: Where windows are kept.
        options: How long contexts are split.
        limit: Questions a language; None: all.

    Raises:
        UserError: A file is at fault, or a language has no question.
    """
    training = split == "train"
    languages = asked_languages(source, split, languages, limit)
    encode = encoder(cache.tokenizer, options, cache.max_length, training=training)
    known = {
        "task": options.name,
        "training": training,
        "stride": options.stride,
        "max_question_length": options.max_question_length,
    }
    parts = encode_split(source, split, languages, cache, encode, limit=limit, options=known)
    found: list[Examples] = []
    for language, part in zip(languages, parts, strict=True):
        targets = {name: values for name, values in part.targets.items() if name != "cut"}
        questions = [] if training else list(source.read(split, language, limit))
        found.append(QuestionExamples.of(replace(part, targets=targets), questions))
        source.log_left_out(split, language)
    log_windows(source, split, parts)
    return found


def asked_languages(
    source: QuestionSource, split: str, languages: Sequence[str], limit: int | None
) -> list[str]:
    """The languages without the combinations that have no question in common, which is said."""
    empty = [
        language
        for language in languages
        if combined(language) and not any(source.read(split, language, limit))
    ]
    if empty:
        logger.warning("%s: no question in %s: not scored", split, " ".join(empty))
    return [language for language in languages if language not in empty]


def log_windows(source: QuestionSource, split: str, parts: Sequence[Examples]) -> None:
    """Say how many windows the questions of a split make, which were cut and which answers lost."""
    questions = sum(len(np.unique(part.rows)) for part in parts)
    windows = sum(map(len, parts))
    logger.info(
        "%s: %s in %s (%s)",
        split, counted(questions, "question"), " ".join(part.language for part in parts),
        counted(windows, "window"),
    )  # fmt: skip
    for part in parts:
        cut = np.unique(part.rows[part.targets["cut"]])
        asked = _questions_in(source, split, part.language, cut)
        if asked:
            logger.warning(
                "%s %s: longer than task.max_question_length and therefore cut: %s, the first: %s",
                split, part.language, counted(len(asked), "question"), asked[0].id,
            )  # fmt: skip
        if split == "train":
            rows = rows_without_answer(part)
            asked = [x for x in _questions_in(source, split, part.language, rows) if x.answers]
            if asked:
                logger.warning(
                    "%s %s: no window holds the whole answer, which is learned as none: "
                    "%s, the first: %s",
                    split, part.language, counted(len(asked), "question"), asked[0].id,
                )  # fmt: skip


def rows_without_answer(part: Examples) -> np.ndarray:
    """The rows of training questions none of whose windows has an answer to learn."""
    return np.setdiff1d(part.rows, part.rows[part.targets["start"] > 0])


def _questions_in(
    source: QuestionSource, split: str, language: str, rows: np.ndarray
) -> list[Question]:
    """The questions of some rows; files are read again only if there are any."""
    wanted = set(rows.tolist())
    return [x for x in source.read(split, language) if x.row in wanted] if wanted else []


def padded_spans(spans: Sequence[np.ndarray], max_length: int) -> np.ndarray:
    """Spans of windows in one array, int32 `[n, max_length, 2]`, -1 behind the tokens."""
    padded = np.full((len(spans), max_length, 2), -1, np.int32)
    for number, found in enumerate(spans):
        padded[number, : len(found)] = found
    return padded
