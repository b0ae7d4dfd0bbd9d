"""Files that are found by the language and the split in their names, whatever their ending."""

import logging
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from infoxlm.data.pair_file import JSON_LINES, TABLES, PairFile, Pairs
from infoxlm.data.parquet_file import PARQUET, ParquetPairs, parquet_languages
from infoxlm.data.text_file import TextFile
from infoxlm.errors import UserError
from infoxlm.schema.checks import is_language_code

logger = logging.getLogger(__name__)

#: Endings of files of pairs; where two files differ only in these, the first counts.
ENDINGS = (*TABLES, *JSON_LINES, PARQUET)

#: Names of a split's files and folders: ours first, then the hub's and PAWS-X's.
SPLIT_NAMES = {
    "train": ("train", "translated_train"),
    "dev": ("dev", "validation", "dev_2k"),
    "test": ("test", "test_2k"),
}
_NAMES_OF_SPLITS = {name for names in SPLIT_NAMES.values() for name in names}

#: The hub's files of all translations of a pair.
ALL_LANGUAGES = "all_languages"

#: The two-letter codes of XLM-R's languages (Conneau et al. 2020), by which the ending of any
#: file's name is known for a language: `pairs_de.tsv` is German, `pairs_v2.tsv` and
#: `pairs_all.tsv` say nothing.
XLMR_LANGUAGES = (
    "af", "am", "ar", "as", "az", "be", "bg", "bn", "br", "bs", "ca", "cs", "cy", "da", "de",
    "el", "en", "eo", "es", "et", "eu", "fa", "fi", "fr", "fy", "ga", "gd", "gl", "gu", "ha",
    "he", "hi", "hr", "hu", "hy", "id", "is", "it", "ja", "jv", "ka", "kk", "km", "kn", "ko",
    "ku", "ky", "la", "lo", "lt", "lv", "mg", "mk", "ml", "mn", "mr", "ms", "my", "ne", "nl",
    "no", "om", "or", "pa", "pl", "ps", "pt", "ro", "ru", "sa", "sd", "si", "sk", "sl", "so",
    "sq", "sr", "su", "sv", "sw", "ta", "te", "th", "tl", "tr", "ug", "uk", "ur", "uz", "vi",
    "xh", "yi", "zh",
)  # fmt: skip

#: language -> files
LanguageFiles = Mapping[str, Pairs]


class Found(NamedTuple):
    """The files of a form by split and language, and what it lacks and why, for messages."""

    files: Mapping[str, LanguageFiles]
    remark: str = ""


#: A split's name, and which of how many files this is.
_SHARD = re.compile(r"(\w+)-(\d{5})-of-(\d{5})")

#: A code at the end of a name.
_ENDING = re.compile(r"(?:^|[._-])([a-z]{2,3}(?:[-_][A-Z][a-z]{3})?(?:[-_][A-Z]{2})?)$")


def by_language(folder: Path, name: str, endings: Sequence[str] = ENDINGS) -> dict[str, Pairs]:
    """Find the files of this name without ending, with a language in place of the braces.

    Args:
        folder: The folder to look in.
        name: The name, such as `dev-{}`.
        endings: The endings that files of pairs have there.
    """
    before, _, after = name.partition("{}")
    present = _listed(folder)
    stems = {Path(file).stem for file in present if Path(file).suffix in endings}
    codes = {
        code
        for stem in stems
        if stem.startswith(before)
        and _is_code(code := stem.removeprefix(before).removesuffix(after))
        and stem == name.format(code)
    }
    return {
        code: _pairs(_first(folder, present, name.format(code), endings), code)
        for code in sorted(codes)
    }


def split_folders(root: Path) -> Found:
    """Find `{split}/{language}.*`."""
    return _by_split(lambda name: by_language(root / name, "{}"))


def split_names(root: Path) -> Found:
    """Find `{split}-{language}.*`."""
    return _by_split(lambda name: by_language(root, f"{name}-{{}}"))


def _by_split(find: Callable[[str], LanguageFiles]) -> Found:
    """Find each split under the first of its names that has files."""
    return Found(
        {split: next(filter(None, map(find, names)), {}) for split, names in SPLIT_NAMES.items()}
    )


def language_folders(root: Path) -> Found:
    """Find `{language}/{split}.*`, as PAWS-X and copies of the hub's data sets lie.

    In a copy of facebook/xnli each language has a folder of `{split}-00000-of-00001.parquet`, and
    `all_languages` holds every translation of each pair. The hub's cache puts them below
    `snapshots/REVISION`, PAWS-X's archive below `x-final`.
    """
    for folder in (root, root / "x-final", *sorted((root / "snapshots").glob("*"))):
        found: dict[str, dict[str, Pairs]] = {split: {} for split in SPLIT_NAMES}
        own = [folder] if _is_known(folder.name) else []
        below = [each for each in sorted(folder.glob("*")) if _is_code(each.name)]
        for each in (folder / ALL_LANGUAGES, *own, *below):
            for split, languages in _splits(each).items():
                found[split] |= languages
        if any(found.values()):
            break
    return Found(dict(found))


def one_file(path: Path, languages: Sequence[str]) -> LanguageFiles:
    """Take a single file of pairs; its language is what its name ends in.

    A file that is named by its split (`de/train.jsonl`) has its folder's language. Where neither
    says one, it is in the only language of training, or else in English.

    Args:
        path: The file.
        languages: The languages of training.
    """
    if path.suffix.lower() == PARQUET and (inside := parquet_languages(path)):
        return {language: ParquetPairs((path,), language) for language in inside}
    shard = _SHARD.fullmatch(path.stem)
    language = languages[0] if len(languages) == 1 else "en"
    if (shard[1] if shard else path.stem) in _NAMES_OF_SPLITS:
        if _is_known(path.parent.name, languages):
            language = path.parent.name
    else:
        language = name_language(path.stem, languages) or language
    return {language: _pairs(path, language)}


def name_language(stem: str, languages: Sequence[str] = ()) -> str | None:
    """Find the language that a file's name ends in, such as `train.de`; None where it says none.

    Args:
        stem: The name, without the file's ending.
        languages: Languages that are known besides XLM-R's.
    """
    ending = _ENDING.search(stem)
    return ending[1] if ending and _is_known(ending[1], languages) else None


def _is_code(name: str) -> bool:
    """Tell whether a name is a language's; dev, which has the form of one, is a split's."""
    return is_language_code(name) and name not in _NAMES_OF_SPLITS


def _is_known(code: str, languages: Sequence[str] = ()) -> bool:
    """Tell whether a part of a name is a language, not a word that looks like one."""
    return code in languages or re.split("[-_]", code)[0] in XLMR_LANGUAGES


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
            elif folder.name != ALL_LANGUAGES and any(name + x in present for x in ENDINGS):
                file = _first(folder, present, name, ENDINGS)
                found[split] = {folder.name: _pairs(file, folder.name)}
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


def _first(folder: Path, present: Mapping[str, Path], stem: str, endings: Sequence[str]) -> Path:
    """The file of this name with the first of the endings; others are logged."""
    file, *others = (present[stem + ending] for ending in endings if stem + ending in present)
    if others:
        names = ", ".join(other.name for other in others)
        logger.warning("%s: %s is read, not %s", folder, file.name, names)
    return file


def _pairs(path: Path, language: str) -> Pairs:
    if path.suffix.lower() == PARQUET:
        return ParquetPairs((path,), language)
    return PairFile(TextFile(path), language)
