"""Bilingual dictionaries in the form of MUSE's ``en-xx.txt`` (Conneau et al. 2018)."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

from infoxlm.data.text_file import TextFile
from infoxlm.errors import UserError
from infoxlm.schema.checks import is_language_code

logger = logging.getLogger(__name__)

#: By language the translations of each English word.
Dictionaries = Mapping[str, Mapping[str, Sequence[str]]]

_KEY = "consistency.dictionaries"


def dictionary_files(folder: Path, languages: Sequence[str] | None) -> dict[str, TextFile]:
    """Find the dictionaries of a folder.

    Args:
        folder: The folder.
        languages: The languages that are wanted; None: all that are there.

    Raises:
        UserError: The folder has none, or not all that are wanted.
    """
    if not folder.is_dir():
        problem = "is a file" if folder.exists() else "does not exist"
        raise UserError(f"{_KEY}={folder} {problem}", "Give a folder of MUSE's en-xx.txt.")
    named = {path.stem.removeprefix("en-"): path for path in sorted(folder.glob("en-*.txt"))}
    found = {code: TextFile(path) for code, path in named.items() if is_language_code(code)}
    if not found:
        raise UserError(
            f"{_KEY}={folder} holds no en-xx.txt",
            "Give a folder of files such as en-de.txt, an English word and its translation a line.",
        )
    missing = [code for code in languages or () if code not in found]
    if missing:
        raise UserError(
            f"{_KEY}={folder} has no dictionary for {' '.join(missing)}",
            f"It has {' '.join(found)}: change consistency.languages.",
        )
    return {code: found[code] for code in languages or found}


def read_dictionary(file: TextFile) -> dict[str, list[str]]:
    """Read one dictionary; words are looked up in lower case.

    Raises:
        UserError: The file cannot be read, or no line is a word and its translation.
    """
    words: dict[str, list[str]] = {}
    skipped = []
    for number, line in file.decoded():
        pair = line.strip().split(maxsplit=1)
        if len(pair) == 2:
            words.setdefault(pair[0].lower(), []).append(pair[1])
        elif pair:
            skipped.append(number)
    if not words:
        raise UserError(
            f"{file}: no line is a word and its translation",
            "Separate the two by a space or a tab.",
        )
    if skipped:
        logger.warning(
            "%s: %d lines have no translation and are left out, the first is line %d",
            file, len(skipped), skipped[0],
        )  # fmt: skip
    return words
