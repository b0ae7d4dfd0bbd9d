"""Where labelled pairs come from: one interface to all forms of XNLI."""

from collections.abc import Iterator, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Protocol

from infoxlm.data.example import Example
from infoxlm.data.file_forms import open_files, open_training_files
from infoxlm.data.published_copy import open_published_copy

__all__ = ["EMBEDDED", "DataSource", "Example", "open_source"]

#: The value of data.root that stands for the sample inside the package.
EMBEDDED = "embedded"


class DataSource(Protocol):
    """Labelled pairs by split (`train`, `dev`, `test`) and language (one of `LANGUAGES`)."""

    @property
    def name(self) -> str:
        """Where the pairs come from, for messages."""

    def languages(self, split: str) -> tuple[str, ...]:
        """Return the languages that hold this split, in the order of `LANGUAGES`."""

    def read(self, split: str, language: str, limit: int | None = None) -> Iterator[Example]:
        """Stream the labelled pairs of the first `limit` rows of the file, or of all rows.

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
    root: str | None, train_root: str | None = None, labels: Sequence[str] | None = None
) -> DataSource:
    """Open XNLI in whichever form it is found.

    Args:
        root: A folder or zip (`data.root`); "embedded" for the sample that is part of the
            package; None for the copy on the Hugging Face hub or, when that cannot be reached,
            PaddleNLP's mirror.
        train_root: A file or folder that the training data is taken from instead
            (`data.train_root`).
        labels: What numbers mean in files that do not name their labels (`data.labels`).

    Raises:
        UserError: Nothing is there, it has none of the known forms, or cannot be downloaded.
    """
    if root == EMBEDDED:
        root = str(files("infoxlm.data") / "sample")
    # The training data first: a wrong path should not wait for a download.
    training = None
    if train_root is not None:
        training = open_training_files(Path(train_root).expanduser(), labels or ())
    if root is None:
        source: DataSource = open_published_copy()
    else:
        source = open_files(Path(root).expanduser(), labels or ())
    return source if training is None else _SeparateTraining(training, source)
