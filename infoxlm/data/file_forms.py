"""The forms in which people keep XNLI on disk, recognised by the names of their files."""

import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from infoxlm.constants import LANGUAGES
from infoxlm.data.file_source import FileSource
from infoxlm.data.language_files import (
    ENDINGS,
    SPLIT_NAMES,
    LanguageFiles,
    by_language,
    check_languages_of_names,
    language_folders,
    one_file,
    split_folders,
)  # fmt: skip
from infoxlm.data.pair_file import PairFile
from infoxlm.data.records import XTREME, XTREME_TRANSLATED, Columns
from infoxlm.data.text_file import TextFile, zip_members
from infoxlm.errors import UserError

#: What `data.root` may be, for messages.
FORMS = (
    "XNLI-1.0 and XNLI-MT-1.0 (zips or folders), "
    "XTREME's train-en.tsv, dev-LANG.tsv and test-LANG.tsv, "
    "a copy of facebook/xnli, or dev/LANG.tsv, test/LANG.tsv and train/LANG.tsv (or .csv, .jsonl, "
    ".parquet) with the columns premise, hypothesis, label"
)

#: What `data.train_root` may be.
TRAINING_FORMS = f"a file of pairs, a folder of LANG.tsv or train.LANG.tsv files, {FORMS}"

#: Where XNLI's files lie below the folder they were unzipped in: side by side or, by PaddleNLP
#: and desktop tools, each zip in a folder of its own name.
_UNPACKED = (
    ".",
    "XNLI-1.0",
    "XNLI-1.0/XNLI-1.0",
    "multinli",
    "XNLI-MT-1.0/multinli",
    "XNLI-MT-1.0/XNLI-MT-1.0/multinli",
)

#: XTREME's training files: its translations, and what its preprocessing writes.
_XTREME_TRAINING = (("en-{}-translated.tsv", XTREME_TRANSLATED), ("train-{}.tsv", XTREME))


def open_files(root: Path, labels: Sequence[str] = ()) -> FileSource:
    """Open `data.root`: a folder or zip in one of the `FORMS`.

    Args:
        root: The folder or zip.
        labels: What numbers mean in files that do not name their labels.

    Raises:
        UserError: It does not exist or has none of the forms.
    """
    files, remark = _recognised(root, "data.root", FORMS)
    if not files:
        _check_languages_of_names(root, "data.root")
        raise UserError(f"data.root={root} has none of the known forms", f"Give {FORMS}.")
    return FileSource(f"{root}{remark}", files, labels)


def open_training_files(root: Path, labels: Sequence[str] = ()) -> FileSource:
    """Open `data.train_root`: one of the `FORMS`, or one file, or a folder of training files.

    A single file is in the language that its name ends in (`train.de.tsv`), else in English.

    Args:
        root: The folder or file.
        labels: What numbers mean in files that do not name their labels.

    Raises:
        UserError: It does not exist or holds no training data.
    """
    files, _ = _recognised(root, "data.train_root", TRAINING_FORMS)
    train = files.get("train") or _training_files(root)
    if not train:
        _check_languages_of_names(root, "data.train_root")
        raise UserError(
            f"data.train_root={root} holds no training data in a known form",
            f"Give {TRAINING_FORMS}.",
        )
    return FileSource(str(root), {"train": train}, labels)


def _recognised(root: Path, key: str, forms: str) -> tuple[dict[str, LanguageFiles], str]:
    """Return split -> language -> file of the first form that fits, and what it lacks and why."""
    if not root.exists():
        raise UserError(f"{key}={root} does not exist", f"Give {forms}.")
    remark = ""
    files: Mapping[str, LanguageFiles] = _official(root)
    if not files:
        files, remark = _xtreme(root)
    for form in (split_folders, language_folders):
        if not any(files.values()):
            files = form(root)
    return {split: languages for split, languages in files.items() if languages}, remark


def _check_languages_of_names(root: Path, key: str) -> None:
    """Check that what was not recognised is not data in other languages than XNLI's.

    Raises:
        UserError: It is.
    """
    names = [name for choices in SPLIT_NAMES.values() for name in choices]
    folders = [folder for folder in (root, *(root / name for name in names)) if folder.is_dir()]
    files = [path for folder in folders for path in sorted(folder.iterdir())]
    check_languages_of_names(files, f"{key}={root}")


def _official(root: Path) -> Mapping[str, LanguageFiles]:
    """Find the files of XNLI-1.0 and XNLI-MT-1.0; unpacked ones come before those in zips."""
    found: dict[str, TextFile] = {}
    for archive in (root, root / "XNLI-1.0.zip", root / "XNLI-MT-1.0.zip"):
        if archive.is_file() and (archive.suffix == ".zip" or zipfile.is_zipfile(archive)):
            found |= zip_members(archive)
    for folder in _UNPACKED:
        for pattern in ("xnli.*", "multinli.train.*"):
            found |= {path.name: TextFile(path) for path in (root / folder).glob(pattern)}

    files: dict[str, LanguageFiles] = {
        "train": {
            language: PairFile(found[name], language)
            for language in LANGUAGES
            if (name := f"multinli.train.{language}.tsv") in found
        }
    }
    for split in ("dev", "test"):
        file = found.get(f"xnli.{split}.tsv") or found.get(f"xnli.{split}.jsonl")
        if file:
            files[split] = _languages_inside(file)
    return files if any(files.values()) else {}


def _languages_inside(file: TextFile) -> LanguageFiles:
    """Look through a file of all languages for those it holds."""
    records = PairFile(file, "", mixed=True).records()
    languages = {record.language for record in records if record.language in LANGUAGES}
    return {
        language: PairFile(file, language, mixed=True)
        for language in LANGUAGES
        if language in languages
    }


def _xtreme(root: Path) -> tuple[Mapping[str, LanguageFiles], str]:
    """Find what XTREME's scripts/download_data.sh leaves in `download/xnli`."""
    files = {split: _headerless(root, split + "-{}.tsv", XTREME) for split in ("dev", "test")}
    files["train"] = {}
    for folder in (root / "translate-train", root):
        for name, columns in _XTREME_TRAINING:
            files["train"] |= _headerless(folder, name, columns)
    if not any(files.values()):
        return {}, ""
    if any(not file.labelled() for file in list(files["test"].values())[:1]):
        del files["test"]
        return files, " (XTREME leaves the labels out of its test files; XNLI-1.0.zip has them)"
    return files, ""


def _training_files(root: Path) -> LanguageFiles:
    """Find training data outside the forms: one file, or one a language."""
    if root.is_dir():
        return by_language(root, "{}") | by_language(root, "train.{}")
    if root.suffix.lower() not in (*ENDINGS, ".txt"):
        return {}
    for name, columns in _XTREME_TRAINING:
        for language, file in _headerless(root.parent, name, columns).items():
            if file.file.path == root:
                return {language: file}
    return one_file(root)


def _headerless(folder: Path, name: str, columns: Columns) -> dict[str, PairFile]:
    """Find XTREME's files of this name, with the language in place of the braces."""
    return {
        language: PairFile(TextFile(path), language, headerless=columns)
        for language in LANGUAGES
        if (path := folder / name.format(language)).is_file()
    }
