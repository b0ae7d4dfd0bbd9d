"""Sources of labelled pairs: one interface to all forms of a data set."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any, Protocol

from infoxlm.data.example import Example
from infoxlm.data.file_forms import FileForms, open_files, open_training_files
from infoxlm.data.hub_copy import open_hub_copy
from infoxlm.data.xnli import xnli_forms
from infoxlm.errors import UserError

__all__ = ["EMBEDDED", "DataSource", "Example", "open_source", "open_from_files"]

#: The value of data.root that stands for the sample inside the package.
EMBEDDED = "embedded"


class DataSource(Protocol):
    """Examples by split (`train`, `dev`, `test`) and language: pairs, or what a task is about."""

    @property
    def name(self) -> str:
        """Name of the place that the examples come from, for messages."""

    def languages(self, split: str) -> tuple[str, ...]:
        """Return the languages that hold this split, in the order of their codes."""

    def read(self, split: str, language: str, limit: int | None = None) -> Iterator[Any]:
        """Stream the examples of the first `limit` rows of the file, or of all rows.

        Rows without a gold label are left out but counted, so that a limit takes the same rows in
        every language.

        Raises:
            UserError: The split or language is not there, or a line cannot be read.
        """

    def fingerprint(self, split: str, language: str) -> str:
        """Return a hex digest that changes when `read` would give anything else."""

    def files(self, split: str, language: str) -> tuple[Path, ...]:
        """Return the files on disk behind a split and language."""


class _SeparateTraining:
    """Takes the training data from one source and all else from another."""

    def __init__(self, training: DataSource, evaluation: DataSource) -> None:
        self.name = f"{evaluation.name}, train: {training.name}"
        self._training, self._evaluation = training, evaluation

    def languages(self, split: str) -> tuple[str, ...]:
        return self._of(split).languages(split)

    def read(self, split: str, language: str, limit: int | None = None) -> Iterator[Example]:
        return self._of(split).read(split, language, limit)

    def fingerprint(self, split: str, language: str) -> str:
        return self._of(split).fingerprint(split, language)

    def files(self, split: str, language: str) -> tuple[Path, ...]:
        return self._of(split).files(split, language)

    def _of(self, split: str) -> DataSource:
        return self._training if split == "train" else self._evaluation


def open_source(
    root: str | None,
    train_root: str | None = None,
    labels: Sequence[str] | None = None,
    train_languages: Sequence[str] = ("en",),
) -> DataSource:
    """Open XNLI in whichever form it is found; other data sets are opened by `Dataset.open`.

    Args:
        root: A folder or zip (`data.root`); "embedded" for the sample that is part of the
            package; None for the copy on the Hugging Face hub or, when that cannot be reached,
            PaddleNLP's mirror.
        train_root: A file or folder that the training data is taken from instead
            (`data.train_root`).
        labels: The labels of numbers in files that do not name them (`data.labels`).
        train_languages: The languages of training, for a file whose name says none.

    Raises:
        UserError: Nothing is there, it has none of the known forms, or cannot be downloaded.
    """
    if root == EMBEDDED:
        root = str(files("infoxlm.data") / "sample")
    return _opened(root, train_root, xnli_forms(labels, train_languages), open_hub_copy)


def open_from_files(root: str | None, train_root: str | None, forms: FileForms) -> DataSource:
    """Open a data set that lies in files alone.

    Args:
        root: A folder or zip (`data.root`).
        train_root: A file or folder that the training data is taken from instead.
        forms: The forms of the data set.

    Raises:
        UserError: Nothing is there, or it has none of the forms.
    """

    def missing() -> DataSource:
        raise UserError("data.root is not set", f"Give data.root=FOLDER: {forms.described}.")

    return _opened(root, train_root, forms, missing)


def _opened(
    root: str | None,
    train_root: str | None,
    forms: FileForms,
    without_root: Callable[[], DataSource],
) -> DataSource:
    # The training data first: a wrong path should not wait for a download.
    training = None
    if train_root is not None:
        training = open_training_files(Path(train_root).expanduser(), forms)
        forms = replace(forms, no_training="")
    source = without_root() if root is None else open_files(Path(root).expanduser(), forms)
    return source if training is None else _SeparateTraining(training, source)
