"""XNLI (Conneau et al. 2018): its languages and labels, and the forms in which people have it."""

import re
import zipfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from infoxlm.data.file_forms import FileForms
from infoxlm.data.label_set import LabelSet, PairRules
from infoxlm.data.language_files import SPLIT_NAMES, Found, language_folders, split_folders
from infoxlm.data.pair_file import PairFile
from infoxlm.data.text_file import TextFile, zip_members
from infoxlm.data.xtreme_files import xtreme
from infoxlm.schema.checks import is_language_code

#: The fifteen languages, in the order of every table.
LANGUAGES = (
    "ar", "bg", "de", "el", "en", "es", "fr", "hi", "ru", "sw", "th", "tr", "ur", "vi", "zh",
)  # fmt: skip

#: In the order of the indices that examples have.
WORDS = ("entailment", "neutral", "contradiction")

#: XNLI-MT's training files and XTREME's translations write the adjective, ANLI one letter.
LABELS = LabelSet(
    WORDS,
    {
        "contradictory": "contradiction",
        "e": "entailment", "n": "neutral", "c": "contradiction",
    },
)  # fmt: skip

#: The forms that `data.root` may have, for messages.
FORMS = (
    "XNLI-1.0 and XNLI-MT-1.0 (zips or folders), "
    "XTREME's train-en.tsv, dev-LANG.tsv and test-LANG.tsv, "
    "a copy of facebook/xnli, or dev/LANG.tsv, test/LANG.tsv and train/LANG.tsv (or .csv, .jsonl, "
    ".parquet) with the columns premise, hypothesis, label"
)

#: Folders of XNLI's files below the one they were unzipped in: side by side or, by PaddleNLP
#: and desktop tools, each zip in a folder of its own name.
_UNPACKED = (
    ".",
    "XNLI-1.0",
    "XNLI-1.0/XNLI-1.0",
    "multinli",
    "XNLI-MT-1.0/multinli",
    "XNLI-MT-1.0/XNLI-MT-1.0/multinli",
)

#: A training file, and the dev or test file of one language, as KorNLI has them.
_TRAINING = re.compile(r"multinli\.train\.(.+)\.tsv")
_EVALUATION = re.compile(r"xnli\.(dev|test)\.(.+)\.tsv")


def xnli_forms(
    labels: Sequence[str] | None = None, train_languages: Sequence[str] = ("en",)
) -> FileForms:
    """Return the forms of XNLI.

    Args:
        labels: The labels of numbers in files that do not name them (`data.labels`).
        train_languages: The languages of training.

    Raises:
        UserError: The labels are not XNLI's.
    """
    return FileForms(
        FORMS,
        (official, partial(xtreme, labelled_in="XNLI-1.0.zip"), split_folders, language_folders),
        PairRules(LABELS.configured(labels), fingerprint=f"{tuple(labels)}" if labels else ""),
        tuple(train_languages),
    )


def official(root: Path) -> Found:
    """Find the files of XNLI-1.0 and XNLI-MT-1.0; unpacked ones come before those in zips."""
    found: dict[str, TextFile] = {}
    for archive in (root, root / "XNLI-1.0.zip", root / "XNLI-MT-1.0.zip"):
        if archive.is_file() and (archive.suffix == ".zip" or zipfile.is_zipfile(archive)):
            found |= zip_members(archive)
    for folder in _UNPACKED:
        for pattern in ("xnli.*", "multinli.train.*"):
            found |= {path.name: TextFile(path) for path in (root / folder).glob(pattern)}

    files: dict[str, dict[str, PairFile]] = {split: {} for split in SPLIT_NAMES}
    for name, file in found.items():
        if (named := _TRAINING.fullmatch(name)) and is_language_code(named[1]):
            files["train"][named[1]] = PairFile(file, named[1])
        elif (named := _EVALUATION.fullmatch(name)) and is_language_code(named[2]):
            files[named[1]][named[2]] = PairFile(file, named[2])
    for split in ("dev", "test"):
        together = found.get(f"xnli.{split}.tsv") or found.get(f"xnli.{split}.jsonl")
        if together:
            files[split] |= _languages_inside(together)
    return Found(files)


def _languages_inside(file: TextFile) -> dict[str, PairFile]:
    """Look through a file of all languages for those it holds."""
    records = PairFile(file, "", mixed=True).records()
    languages = {record.language for record in records if record.language}
    return {
        language: PairFile(file, language, mixed=True)
        for language in sorted(filter(is_language_code, languages))
    }
