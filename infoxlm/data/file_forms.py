"""The forms in which people keep a data set on disk, recognised by the names of its files."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from infoxlm.data.file_source import FileSource
from infoxlm.data.label_set import PairRules
from infoxlm.data.language_files import ENDINGS, Found, LanguageFiles, by_language, one_file
from infoxlm.data.xtreme_files import one_training_file
from infoxlm.errors import UserError


@dataclass(frozen=True)
class FileForms:
    """Forms in which a data set may lie on disk, and rules for the rows of its files.

    Attributes:
        described: The forms that `data.root` may have, for messages.
        forms: Find the files of one form each below a folder or in a zip; the first that finds
            some is taken.
        rules: The rules for the files' rows.
        train_languages: The languages of training, for a file whose name says none.
        no_training: A message on a folder without training pairs.
    """

    described: str
    forms: tuple[Callable[[Path], Found], ...]
    rules: PairRules
    train_languages: tuple[str, ...] = ("en",)
    no_training: str = ""


def open_files(root: Path, forms: FileForms) -> FileSource:
    """Open `data.root`: a folder or zip in one of the forms.

    Raises:
        UserError: It does not exist or has none of them.
    """
    files, remark = _recognised(root, "data.root", forms, forms.described)
    if not files:
        raise UserError(
            f"data.root={root}{remark} has none of the known forms", f"Give {forms.described}."
        )
    if "train" not in files:
        remark += forms.no_training
    return FileSource(f"{root}{remark}", files, forms.rules)


def open_training_files(root: Path, forms: FileForms) -> FileSource:
    """Open `data.train_root`: one of the forms, or one file, or a folder of training files.

    A single file is in the language that its name ends in (`train.de.tsv`).

    Args:
        root: The folder or file.
        forms: The forms of the data set.

    Raises:
        UserError: It does not exist or holds no training data.
    """
    choices = f"a file of pairs, a folder of LANG.tsv or train.LANG.tsv files, {forms.described}"
    files, _ = _recognised(root, "data.train_root", forms, choices)
    train = files.get("train") or _training_files(root, forms)
    if not train:
        raise UserError(
            f"data.train_root={root} holds no training data in a known form", f"Give {choices}."
        )
    return FileSource(str(root), {"train": train}, forms.rules)


def _recognised(root: Path, key: str, forms: FileForms, choices: str) -> Found:
    """Return split -> language -> file of the first form that fits; what is lacking, if none.

    Raises:
        UserError: The folder or file does not exist, or is damaged.
    """
    if not root.exists():
        raise UserError(f"{key}={root} does not exist", f"Give {choices}.")
    remarks = ""
    for find in forms.forms:
        files, remark = find(root)
        files = {split: languages for split, languages in files.items() if languages}
        if files:
            return Found(files, remark)
        remarks += remark
    return Found({}, remarks)


def _training_files(root: Path, forms: FileForms) -> LanguageFiles:
    """Find training data outside the forms: one file, or one a language."""
    if root.is_dir():
        return by_language(root, "{}") | by_language(root, "train.{}")
    if root.suffix.lower() not in (*ENDINGS, ".txt"):
        return {}
    return one_training_file(root) or one_file(root, forms.train_languages)
