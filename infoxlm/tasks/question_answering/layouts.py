"""Forms in which people keep questions on disk, recognised by the names of folders and files."""

import logging
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from infoxlm.data.language_files import SPLIT_NAMES, name_language
from infoxlm.errors import UserError
from infoxlm.schema.checks import LANGUAGE_CODE

logger = logging.getLogger(__name__)

#: What `data.root` may be, for messages.
FORMS = (
    "a folder with SQuAD's train-v1.1.json and dev-v1.1.json, xquad.LANG.json or LANG.json, "
    "MLQA's SPLIT-context-LANG-question-LANG.json, or SPLIT/LANG.json; or one file of SQuAD's form"
)

#: Folders that published archives are unpacked to.
_UNPACKED = ("MLQA_V1",)

_CODE = re.sub(r"\((?!\?)", "(?:", LANGUAGE_CODE.pattern)
_MLQA = re.compile(rf"(dev|test)-context-({_CODE})-question-({_CODE})")
_COMBINATION = re.compile(rf"({_CODE})-({_CODE})")
_SPLITS = {name: split for split, names in SPLIT_NAMES.items() for name in names}
_SPLIT = re.compile(rf"(?:^|[._-])({'|'.join(_SPLITS)})(?=[._-]|$)")

#: split (train, dev, test) -> language, or combination such as de-en -> files
SplitFiles = dict[str, dict[str, tuple[Path, ...]]]


@dataclass(frozen=True)
class _Named:
    """What the name of a file says.

    Attributes:
        file: The file.
        split: The split; None where it says none, as XQuAD's.
        language: The language, or combination.
        mlqa: Whether it is named as MLQA's files are.
        guessed: Whether its name says no language.
    """

    file: Path
    split: str | None
    language: str
    mlqa: bool = False
    guessed: bool = False


@dataclass(frozen=True)
class Layout:
    """The files that were found.

    Attributes:
        files: The files by split and language.
        mlqa: Whether they are named as MLQA's.
    """

    files: SplitFiles
    mlqa: bool = False


def combined(language: str) -> tuple[str, str] | None:
    """The languages of context and question in a combination such as ``de-en``, else None."""
    found = _COMBINATION.fullmatch(language)
    return (found[1], found[2]) if found else None


def combination(context: str, question: str) -> str:
    """Name the combination of two languages; of one and the same, that language."""
    return context if context == question else f"{context}-{question}"


def all_files(root: Path, languages: Sequence[str]) -> Layout:
    """Find `data.root`: every split that its files are named after.

    Where no name says dev or test, files whose names say a language alone are both.

    Args:
        root: A folder, a file, or a pattern with ``*``.
        languages: The languages of training, which a file is in if its name says none.

    Raises:
        UserError: It does not exist, or has none of the forms.
    """
    named = list(_named(_below(root, "data.root"), languages, any_name=not root.is_dir()))
    files = {split: _by_language(x for x in named if x.split == split) for split in SPLIT_NAMES}
    for split in ("dev", "test"):
        _warn_of_guesses(split, [x for x in named if x.split == split])
    if not files["dev"] and not files["test"]:
        files["dev"] = files["test"] = _by_language(x for x in named if x.split is None)
    if not any(files.values()):
        raise UserError(f"data.root={root} holds no questions in a known form", f"Give {FORMS}.")
    return Layout(files, any(x.mlqa for x in named))


def split_files(root: Path, key: str, split: str, languages: Sequence[str]) -> Layout:
    """Find one split: what is named as another one is left out, unless it is given by itself.

    Args:
        root: A folder, a file, or a pattern with ``*``.
        key: The key of the configuration, for messages.
        split: The split.
        languages: As in `all_files`.

    Raises:
        UserError: It does not exist, or has no such file.
    """
    named = list(_named(_below(root, key), languages, any_name=True))
    if root.is_dir():
        own = [x for x in named if x.split == split]
        named = own or [x for x in named if x.split is None]
    if not named:
        raise UserError(f"{key}={root} holds no {split} file", f"Give a file, or {FORMS}.")
    if split != "train":
        _warn_of_guesses(split, named)
    return Layout({split: _by_language(named)}, any(x.mlqa for x in named))


def _below(root: Path, key: str) -> Mapping[Path, str | None]:
    """The JSON files of a folder and of its splits' folders, and the split of these.

    Raises:
        UserError: The folder or file does not exist.
    """
    if root.is_file():
        return {root: None}
    if not root.exists() and (found := _matching(root)):
        return dict.fromkeys(found)
    if not root.is_dir():
        others = "a file, a folder of files, or a pattern with *"
        choices = FORMS if key == "data.root" else others
        raise UserError(f"{key}={root} does not exist", f"Give {choices}.")
    files: dict[Path, str | None] = {}
    for folder in (root, *(root / name for name in _UNPACKED)):
        for name in ("", *_SPLITS):
            files |= dict.fromkeys(sorted((folder / name).glob("*.json")), _SPLITS.get(name))
    return files


def _matching(pattern: Path) -> list[Path]:
    """The files that a pattern stands for, in the order of their names."""
    anchor = Path(pattern.anchor or ".")
    found = anchor.glob(str(pattern.relative_to(pattern.anchor))) if pattern.name else ()
    return sorted(path for path in found if path.is_file())


def _named(
    files: Mapping[Path, str | None], languages: Sequence[str], *, any_name: bool
) -> Iterable[_Named]:
    """Read the names of files.

    Args:
        files: The files, and the splits that their folders say.
        languages: As in `all_files`.
        any_name: Whether to take files whose names say nothing, too.
    """
    usual = languages[0] if len(languages) == 1 else "en"
    for file, folder_split in files.items():
        if mlqa := _MLQA.fullmatch(file.stem):
            yield _Named(file, mlqa[1], combination(mlqa[2], mlqa[3]), mlqa=True)
            continue
        found = _SPLIT.search(file.stem)
        rest = _SPLIT.sub("", file.stem, count=1).strip("._-")
        split = folder_split or (_SPLITS[found[1]] if found else None)
        language = name_language(rest, languages)
        if folder_split and language is None and LANGUAGE_CODE.fullmatch(rest):
            language = rest
        if any_name or split or language:
            yield _Named(file, split, language or usual, guessed=language is None)


def _by_language(named: Iterable[_Named]) -> dict[str, tuple[Path, ...]]:
    files: dict[str, tuple[Path, ...]] = {}
    for found in named:
        files[found.language] = (*files.get(found.language, ()), found.file)
    return files


def _warn_of_guesses(split: str, named: Sequence[_Named]) -> None:
    """Say where several files are scored as one language, though no name says so."""
    guessed = [x for x in named if x.guessed]
    if len(guessed) > 1:
        logger.warning(
            "%s: the names of %d files say no language, and all are taken for %s, the first: %s. "
            "Call them LANG.json where they are of several", split, len(guessed),
            guessed[0].language, guessed[0].file,
        )  # fmt: skip
