"""The forms in which people keep XNLI on disk, recognised by the names of their files."""

import re
import zipfile
from pathlib import Path

from infoxlm.constants import LANGUAGES
from infoxlm.data.file_source import FileSource
from infoxlm.data.pair_file import XTREME, XTREME_TRANSLATED, Columns, PairFile
from infoxlm.data.text_file import TextFile, zip_members
from infoxlm.errors import UserError

#: What `data.root` may be, for messages.
FORMS = (
    "XNLI-1.0 and XNLI-MT-1.0 (zips or folders), "
    "XTREME's train-en.tsv, dev-LANG.tsv and test-LANG.tsv, "
    "or dev/LANG.tsv, test/LANG.tsv and train/LANG.tsv with the header premise, hypothesis, label"
)

#: What `data.train_root` may be.
TRAINING_FORMS = f"a TSV file, a folder of LANG.tsv or train.LANG.tsv files, {FORMS}"

#: language -> file
LanguageFiles = dict[str, PairFile]

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


def open_files(root: Path) -> FileSource:
    """Open `data.root`: a folder or zip in one of the `FORMS`.

    Raises:
        UserError: It does not exist or has none of the forms.
    """
    files, remark = _recognised(root, "data.root", FORMS)
    if not files:
        raise UserError(f"data.root={root} has none of the known forms", f"Give {FORMS}.")
    return FileSource(f"{root}{remark}", files)


def open_training_files(root: Path) -> FileSource:
    """Open `data.train_root`: one of the `FORMS`, or one file, or a folder of training files.

    A single file is in the language that its name ends in (`train.de.tsv`), else in English.

    Raises:
        UserError: It does not exist or holds no training data.
    """
    files, _ = _recognised(root, "data.train_root", TRAINING_FORMS)
    train = files.get("train") or _training_files(root)
    if not train:
        raise UserError(
            f"data.train_root={root} holds no training data in a known form",
            f"Give {TRAINING_FORMS}.",
        )
    return FileSource(str(root), {"train": train})


def _recognised(root: Path, key: str, forms: str) -> tuple[dict[str, LanguageFiles], str]:
    """Return split -> language -> file of the first form that fits, and what it lacks and why."""
    if not root.exists():
        raise UserError(f"{key}={root} does not exist", f"Give {forms}.")
    remark = ""
    files = _official(root)
    if not files:
        files, remark = _xtreme(root)
    if not files:
        files = {split: _named(root / split, "{}.tsv") for split in ("train", "dev", "test")}
    return {split: languages for split, languages in files.items() if languages}, remark


def _official(root: Path) -> dict[str, LanguageFiles]:
    """Find the files of XNLI-1.0 and XNLI-MT-1.0; unpacked ones come before those in zips."""
    found: dict[str, TextFile] = {}
    for archive in (root, root / "XNLI-1.0.zip", root / "XNLI-MT-1.0.zip"):
        if archive.is_file() and (archive.suffix == ".zip" or zipfile.is_zipfile(archive)):
            found |= zip_members(archive)
    for folder in _UNPACKED:
        for pattern in ("xnli.*", "multinli.train.*"):
            found |= {path.name: TextFile(path) for path in (root / folder).glob(pattern)}

    files = {
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
    languages = {record.language for record in PairFile(file, "", mixed=True).records()}
    return {
        language: PairFile(file, language, mixed=True)
        for language in LANGUAGES
        if language in languages
    }


def _xtreme(root: Path) -> tuple[dict[str, LanguageFiles], str]:
    """Find what XTREME's scripts/download_data.sh leaves in `download/xnli`."""
    files = {split: _named(root, split + "-{}.tsv", XTREME) for split in ("dev", "test")}
    files["train"] = {}
    for folder in (root / "translate-train", root):
        for name, headerless in _XTREME_TRAINING:
            files["train"] |= _named(folder, name, headerless)
    if not any(files.values()):
        return {}, ""
    if any(not file.labelled() for file in list(files["test"].values())[:1]):
        del files["test"]
        return files, " (XTREME leaves the labels out of its test files; XNLI-1.0.zip has them)"
    return files, ""


def _training_files(root: Path) -> LanguageFiles:
    """Find training data outside the forms: one file, or one a language."""
    if root.is_dir():
        return _named(root, "{}.tsv") | _named(root, "train.{}.tsv")
    if root.suffix not in (".tsv", ".txt", ".jsonl"):
        return {}
    for name, headerless in _XTREME_TRAINING:
        for language, file in _named(root.parent, name, headerless).items():
            if file.file.path == root:
                return {language: file}
    ending = re.search(rf"(?:^|[.-])({'|'.join(LANGUAGES)})$", root.stem)
    language = ending[1] if ending else "en"
    return {language: PairFile(TextFile(root), language)}


def _named(folder: Path, name: str, headerless: Columns | None = None) -> LanguageFiles:
    """Find the files of this name, with the language in place of the braces."""
    return {
        language: PairFile(TextFile(path), language, headerless=headerless)
        for language in LANGUAGES
        if (path := folder / name.format(language)).is_file()
    }
