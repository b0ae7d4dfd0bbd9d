"""Settings of question answering, checked against data, checkpoint and the length of windows."""

import logging
from pathlib import Path
from typing import Any

from infoxlm.checkpoint.config_file import read_config_file
from infoxlm.checkpoint.labels import check_answers_or_encoder, check_question_answerer
from infoxlm.errors import UserError
from infoxlm.schema import DataConfig, QuestionAnsweringConfig, Unanswerable
from infoxlm.tasks.question_answering.options import AnsweringOptions
from infoxlm.tasks.question_answering.windows import context_room

logger = logging.getLogger(__name__)

#: The options that decide which windows a model is asked about.
_OF_WINDOWS = ("stride", "max_question_length")


def check_no_pairs(data: DataConfig) -> None:
    """Check that no key is set that is for pairs alone.

    Raises:
        UserError: One is.
    """
    if data.labels is not None:
        raise UserError(
            f"data.labels=[{','.join(data.labels)}] with data={data.name}",
            "Leave it out: answers are pieces of text, not labels.",
        )
    if data.languages is not None:
        raise UserError(
            f"data.languages=[{','.join(data.languages)}] with data={data.name}",
            "Choose with data.train_languages and data.eval_languages.",
        )


def check_room(options: QuestionAnsweringConfig, max_length: int) -> None:
    """Check that a window has room for more of the context than it shares with the next one.

    Raises:
        UserError: The longest question leaves no such room.
    """
    room = context_room(max_length, options.max_question_length)
    if room <= options.stride:
        raise UserError(
            f"data.max_length={max_length} with task.max_question_length="
            f"{options.max_question_length} leaves {max(0, room)} tokens of context in a window, "
            f"of which task.stride={options.stride} are shared with the next",
            "Raise data.max_length, or lower task.stride or task.max_question_length.",
        )


def check_checkpoint(
    folder: Path, named: str | None, options: QuestionAnsweringConfig, *, trained: bool
) -> None:
    """Check that a model folder holds an encoder, or a model that answers questions.

    Args:
        folder: The Paddle model folder.
        named: What the user called it, for messages; the folder itself when None.
        options: The options of the run, which are compared with those of the training.
        trained: Whether it must have been trained for the task.

    Raises:
        UserError: It holds the head of another task, or must have been trained and was not.
    """
    if trained:
        check_question_answerer(folder, named)
        warn_of_other_options(options, AnsweringOptions.of(read_config_file(folder)))
    else:
        check_answers_or_encoder(folder, named)


def warn_of_other_options(options: QuestionAnsweringConfig, trained: AnsweringOptions) -> None:
    """Say where a model is asked otherwise than in training: windows, and whether to answer."""
    differing = [
        (key, getattr(options, key), getattr(trained, key))
        for key in _OF_WINDOWS
        if getattr(options, key) != getattr(trained, key)
    ]
    # Refused and dropped questions alike leave a model that always answers.
    if (options.unanswerable is Unanswerable.keep) is not trained.may_be_unanswerable:
        differing.append(("unanswerable", options.unanswerable.value, trained.unanswerable))
    for key, now, then in differing:
        logger.warning("task.%s=%s, but the model was trained with %s", key, now, then)


def model_options(options: QuestionAnsweringConfig, known: dict[str, Any]) -> AnsweringOptions:
    """How a model is asked under the options of a run.

    Args:
        options: The run's.
        known: What the ``config.json`` of its checkpoint tells of the task, which keeps its
            threshold of "no answer".
    """
    return AnsweringOptions(
        stride=options.stride,
        max_question_length=options.max_question_length,
        max_answer_length=options.max_answer_length,
        n_best=options.n_best,
        null_threshold=known.get("null_threshold", 0.0),
        unanswerable=options.unanswerable.value,
    )
