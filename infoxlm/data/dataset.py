"""The data sets of sentence pairs, by the name that `data=NAME` gives."""

from collections.abc import Callable
from dataclasses import dataclass

from infoxlm.data import pawsx, xnli
from infoxlm.data.own_pairs import own_forms
from infoxlm.data.source import DataSource, open_from_files, open_source
from infoxlm.errors import UserError
from infoxlm.schema import DataConfig


@dataclass(frozen=True)
class Dataset:
    """A data set: what its pairs are labelled with, and how they are opened.

    Attributes:
        name: As in `data.name`.
        labels: The labels, in the order of the indices that its examples have.
        languages: The languages that it is published in, in the order of tables; files may bring
            others.
        open: Opens what a configuration points to.
    """

    name: str
    labels: tuple[str, ...]
    languages: tuple[str, ...]
    open: Callable[[DataConfig], DataSource]

    @property
    def chance(self) -> float:
        """The accuracy of guessing, where every label is as frequent."""
        return 1 / len(self.labels)


def dataset_of(data: DataConfig) -> Dataset:
    """Return the data set that a configuration names.

    A name that is none of these, as in a YAML of one's own, stands for pairs of one's own where
    `data.labels` has other words than XNLI's, and else for XNLI in other files.

    Raises:
        UserError: Its labels or languages do not fit the data set, before anything is opened.
    """
    _check_pairs_only(data)
    if data.name == "pawsx":
        return _pawsx(data)
    own = data.labels is not None and sorted(data.labels) != sorted(xnli.LABELS.words)
    if data.name == "pairs" or (own and data.name not in XNLI_NAMES):
        return _own_pairs(data)
    return _xnli(data)


#: The names of the configurations that are XNLI's.
XNLI_NAMES = ("xnli", "sample", "translate_train")


def _xnli(data: DataConfig) -> Dataset:
    _check_no_languages(data)
    xnli.LABELS.configured(data.labels)
    return Dataset(
        data.name,
        xnli.LABELS.words,
        xnli.LANGUAGES,
        lambda data: open_source(data.root, data.train_root, data.labels, data.train_languages),
    )


def _pawsx(data: DataConfig) -> Dataset:
    _check_no_languages(data)
    forms = pawsx.pawsx_forms(data.labels, data.train_languages)
    return Dataset(
        data.name,
        pawsx.WORDS,
        pawsx.LANGUAGES,
        lambda data: open_from_files(data.root, data.train_root, forms),
    )


def _own_pairs(data: DataConfig) -> Dataset:
    forms = own_forms(data.labels, data.train_languages)
    return Dataset(
        data.name,
        forms.rules.labels.words,
        tuple(data.languages or data.eval_languages),
        lambda data: open_from_files(data.root, data.train_root, forms),
    )


def _check_pairs_only(data: DataConfig) -> None:
    """Check that no key is set that is for questions alone.

    Raises:
        UserError: One is.
    """
    for key in ("train_files", "dev_root"):
        value = getattr(data, key)
        if value is not None:
            shown = f"[{','.join(value)}]" if isinstance(value, list) else value
            raise UserError(
                f"data.{key}={shown} with data={data.name}",
                "Leave it out: it is for question answering (data=squad, xquad, mlqa).",
            )


def _check_no_languages(data: DataConfig) -> None:
    """Check that a data set which has its own languages is not given others.

    Raises:
        UserError: It is.
    """
    if data.languages is not None:
        raise UserError(
            f"data.languages=[{','.join(data.languages)}] with data={data.name}",
            "Choose with data.train_languages and data.eval_languages; data.languages is for "
            "data=pairs.",
        )
