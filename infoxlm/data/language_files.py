"""Files that are found by the language and the split in their names, whatever their ending."""

import logging
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from infoxlm.constants import LANGUAGES, OTHER_LANGUAGES
from infoxlm.data.pair_file import JSON_LINES, TABLES, PairFile, Pairs
from infoxlm.data.parquet_file import PARQUET, ParquetPairs, parquet_languages
from infoxlm.data.text_file import TextFile
from infoxlm.errors import UserError

logger = logging.getLogger(__name__)

#: Endings of files of pairs; where two files differ only in these, the first counts.
ENDINGS = (*TABLES, *JSON_LINES, PARQUET)

#: What files and folders of a split are called; the second name of dev is the hub's.
SPLIT_NAMES = {"train": ("train",), "dev": ("dev", "validation"), "test": ("test",)}

#: The hub's files of all translations of a pair.
ALL_LANGUAGES = "all_languages"

#: language -> files
LanguageFiles = Mapping[str, Pairs]

#: A split's name, and which of how many files this is.
_SHARD = re.compile(r"(\w+)-(\d{5})-of-(\d{5})")


def by_language(folder: Path, stem: str) -> dict[str, Pairs]:
    """Find the files of this name without ending, with the language in place of the braces."""
    present = _listed(folder)
    return {
        language: pairs
        for language in LANGUAGES
        if (pairs := _first(folder, present, stem.format(language), language)) is not None
    }


def split_folders(root: Path) -> dict[str, LanguageFiles]:
    """Find `{split}/{language}.*`."""
    found: dict[str, LanguageFiles] = {}
    for split, names in SPLIT_NAMES.items():
        found[split] = next(filter(None, (by_language(root / name, "{}") for name in names)), {})
    return found


def language_folders(root: Path) -> dict[str, LanguageFiles]:
    """Find `{language}/{split}.*` and what lies in a copy of the hub's facebook/xnli.

    There each language has a folder of `{split}-00000-of-00001.parquet`, and `all_languages` holds
    every translation of each pair. The hub's cache puts them below `snapshots/REVISION`.
    """
    for folder in (root, *sorted((root / "snapshots").glob("*"))):
        found: dict[str, dict[str, Pairs]] = {split: {} for split in SPLIT_NAMES}
        own = [folder] if folder.name in LANGUAGES else []
        for each in (folder / ALL_LANGUAGES, *own, *(folder / name for name in LANGUAGES)):
            for split, languages in _splits(each).items():
                found[split] |= languages
        if any(found.values()):
            return dict(found)
    return {}


def one_file(path: Path) -> LanguageFiles:
    """Take a single file of pairs; its language is what its name ends in, or else English.

    A file that is named by its split (`de/train.jsonl`) has its folder's language.

    Raises:
        UserError: Its name ends in another language than XNLI's.
    """
    check_languages_of_names([path], f"data.train_root={path}")
    if path.suffix.lower() == PARQUET and (inside := parquet_languages(path)):
        return {language: ParquetPairs((path,), language) for language in inside}
    ending = re.search(rf"(?:^|[._-])({'|'.join(LANGUAGES)})$", path.stem)
    language = ending[1] if ending else "en"
    shard = _SHARD.fullmatch(path.stem)
    if (shard[1] if shard else path.stem) in SPLIT_NAMES and path.parent.name in LANGUAGES:
        language = path.parent.name
    return {language: _pairs(path, language)}


def check_languages_of_names(files: Sequence[Path], where: str) -> None:
    """Check that no file's name ends in a language that XLM-R knows and XNLI does not have.

    Args:
        files: The files.
        where: What the user gave, for the message.

    Raises:
        UserError: One does.
    """
    for file in files:
        ending = re.search(r"(?:^|[._-])([a-z]{2})$", file.stem)
        if ending and ending[1] in OTHER_LANGUAGES and file.suffix.lower() in (*ENDINGS, ".txt"):
            raise UserError(
                f"{where}: {file.name} is named after {ending[1]!r}, which is not a language of "
                "XNLI",
                f"The languages are {' '.join(LANGUAGES)}: give data in these, or rename the file.",
            )


def _splits(folder: Path) -> dict[str, dict[str, Pairs]]:
    """Find a folder's files of each split, in the language that it is named after."""
    present = _listed(folder)
    found: dict[str, dict[str, Pairs]] = {}
    for split, names in SPLIT_NAMES.items():
        for name in reversed(names):  # the first counts
            shards = _shards(folder, name, present)
            if shards and folder.name == ALL_LANGUAGES:
                inside = parquet_languages(shards[0])
                found[split] = {language: ParquetPairs(shards, language) for language in inside}
            elif shards:
                found[split] = {folder.name: ParquetPairs(shards, folder.name)}
            elif folder.name != ALL_LANGUAGES and (
                pairs := _first(folder, present, name, folder.name)
            ):
                found[split] = {folder.name: pairs}
    return found


def _shards(folder: Path, name: str, present: Mapping[str, Path]) -> tuple[Path, ...]:
    """Find the Parquet files of a split.

    Raises:
        UserError: Some of them are missing.
    """
    found = [
        (path, int(shard[3]))
        for path in present.values()
        if path.suffix == PARQUET and (shard := _SHARD.fullmatch(path.stem)) and shard[1] == name
    ]
    if found and len(found) != found[0][1]:
        raise UserError(
            f"{folder} holds {len(found)} of the {found[0][1]} files of {name}",
            "Copy or download the folder again.",
        )
    return tuple(sorted(path for path, _ in found))


def _listed(folder: Path) -> dict[str, Path]:
    """The files of a folder by name, with the ending in small letters."""
    if not folder.is_dir():
        return {}
    files = sorted(path for path in folder.iterdir() if path.is_file())
    return {path.stem + path.suffix.lower(): path for path in files}


def _first(folder: Path, present: Mapping[str, Path], stem: str, language: str) -> Pairs | None:
    """The file of this name with the first of the endings; that there are others is told."""
    files = [present[stem + ending] for ending in ENDINGS if stem + ending in present]
    if len(files) > 1:
        others = ", ".join(file.name for file in files[1:])
        logger.warning("%s: %s is read, not %s", folder, files[0].name, others)
    return _pairs(files[0], language) if files else None


def _pairs(path: Path, language: str) -> Pairs:
    if path.suffix.lower() == PARQUET:
        return ParquetPairs((path,), language)
    return PairFile(TextFile(path), language)
