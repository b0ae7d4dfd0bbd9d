"""Questions in files: SQuAD's form, by split and language."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from infoxlm.tasks.question_answering.questions import Question

if TYPE_CHECKING:
    from infoxlm.schema import DataConfig, QuestionAnsweringConfig


class QuestionSource:
    """Questions by split (``train``, ``dev``, ``test``) and language.

    Where files are parallel, a language may also be a combination such as ``de-en``: the context
    in German, the question in English.

    Attributes:
        name: The place that the questions come from, for messages.
        rules: The rules of scoring that belong to the data set: ``squad`` or ``mlqa``.
    """

    name: str
    rules: str

    def languages(self, split: str) -> tuple[str, ...]:
        """Return the languages that hold this split, in the order of their codes."""
        raise NotImplementedError

    def combinations(self, split: str) -> tuple[str, ...]:
        """Return all languages and combinations of two: ``de``, ``de-en``, ``en``, ``en-de``."""
        raise NotImplementedError

    def read(self, split: str, language: str, limit: int | None = None) -> Iterator[Question]:
        """Stream the questions of the first `limit` rows of the files, or of all.

        Raises:
            UserError: The split or language is not there, or a question is at fault.
        """
        raise NotImplementedError

    def fingerprint(self, split: str, language: str) -> str:
        """Return a hex digest that changes when `read` would give anything else."""
        raise NotImplementedError

    def files(self, split: str, language: str) -> tuple[Path, ...]:
        """Return the files on disk behind a split and language."""
        raise NotImplementedError


def open_questions(data: "DataConfig", options: "QuestionAnsweringConfig") -> QuestionSource:
    """Open what a configuration points to.

    Args:
        data: The group ``data``: ``root``, ``train_root``, ``train_files`` and ``dev_root``.
        options: The group ``task``.

    Raises:
        UserError: Nothing is there, or it has none of the known forms.
    """
    raise NotImplementedError
