"""The files that XTREME's preprocessing writes for XNLI and PAWS-X: tables without a header."""

from pathlib import Path

from infoxlm.data.language_files import Found, LanguageFiles, by_language
from infoxlm.data.pair_file import PairFile
from infoxlm.data.records import XTREME, XTREME_TRANSLATED, Columns
from infoxlm.data.text_file import TextFile

#: Training files by name and columns: its translations, and what its preprocessing writes.
_TRAINING = (("en-{}-translated", XTREME_TRANSLATED), ("train-{}", XTREME))


def xtreme(root: Path, labelled_in: str) -> Found:
    """Find what XTREME's scripts/download_data.sh leaves in a data set's folder.

    Args:
        root: The folder, such as `download/xnli`.
        labelled_in: The place of the labels that its test files lack, for messages.
    """
    files: dict[str, dict[str, PairFile]] = {"train": {}}
    for split in ("dev", "test"):
        files[split] = _headerless(root, split + "-{}", XTREME)
    for folder in (root / "translate-train", root):
        for name, columns in _TRAINING:
            files["train"] |= _headerless(folder, name, columns)
    test = {language: file for language, file in files["test"].items() if file.labelled()}
    remark = ""
    if len(test) < len(files["test"]):
        remark = f" (XTREME leaves the labels out of its test files; {labelled_in} has them)"
    return Found({**files, "test": test}, remark)


def one_training_file(path: Path) -> LanguageFiles:
    """Take a single file that is named as one of XTREME's training files."""
    for name, columns in _TRAINING:
        for language, pairs in _headerless(path.parent, name, columns).items():
            if pairs.file.path == path:
                return {language: pairs}
    return {}


def _headerless(folder: Path, name: str, columns: Columns) -> dict[str, PairFile]:
    """Find the tables of this name, with a language in place of the braces."""
    return {
        language: PairFile(TextFile(pairs.paths[0]), language, headerless=columns)
        for language, pairs in by_language(folder, name, (".tsv",)).items()
    }
