"""Options of answering, which a trained model keeps in its config.json."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Self

from infoxlm.checkpoint.config_file import CONFIG_FILE
from infoxlm.errors import UserError
from infoxlm.schema import json_shapes as shapes
from infoxlm.schema.choices import Unanswerable

#: The key of config.json.
KEY = "question_answering"

#: A difference of scores beyond this is beyond every model's.
_MOST_THRESHOLD = 1e6

_SHAPES = {
    "stride": shapes.whole(),
    "max_question_length": shapes.whole(1),
    "max_answer_length": shapes.whole(1),
    "n_best": shapes.whole(1),
    "null_threshold": shapes.number(-_MOST_THRESHOLD, _MOST_THRESHOLD),
    "unanswerable": shapes.one_of([choice.value for choice in Unanswerable]),
}


@dataclass(frozen=True)
class AnsweringOptions:
    """Options by which contexts are split and answers are chosen.

    Attributes:
        stride: Tokens that two windows of a context share.
        max_question_length: Most tokens of a question; longer ones are cut.
        max_answer_length: Most tokens of an answer.
        n_best: Starts and ends of a window that are paired, and answers that share a probability
            of 1.
        null_threshold: By how much "no answer" must score better than the best answer to be given.
        unanswerable: What was done with questions without an answer in training; a model that
            learned from them (`keep`) may answer that there is none.
    """

    stride: int = 128
    max_question_length: int = 64
    max_answer_length: int = 30
    n_best: int = 20
    null_threshold: float = 0.0
    unanswerable: str = "refuse"

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> Self:
        """Read the options of a model; what is missing has its default.

        Args:
            config: The model's `config.json`.

        Raises:
            UserError: One of them is not what it has to be.
        """
        given = config.get(KEY, {})
        try:
            shapes.fields(_SHAPES)(given)
        except shapes.MisfitError as misfit:
            where = f"{KEY}.{misfit.where}" if misfit.where else KEY
            raise UserError(
                f"{CONFIG_FILE}: {where} {misfit.problem}", "Correct it, or leave it out."
            ) from misfit
        return cls(**{x.name: given[x.name] for x in fields(cls) if x.name in given})

    @property
    def may_be_unanswerable(self) -> bool:
        """True if the model may answer that there is no answer."""
        return self.unanswerable == Unanswerable.keep.value
