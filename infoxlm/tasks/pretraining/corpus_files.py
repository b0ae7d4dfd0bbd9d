"""The files of a corpus, found by the languages in their names or headers."""

import fnmatch
import logging
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from infoxlm.data.gzip_file import GZIP, text_file
from infoxlm.errors import UserError
from infoxlm.schema.checks import is_language_code
from infoxlm.tasks.pretraining.text_rows import Columns, Lines, TextRows

logger = logging.getLogger(__name__)

#: language, or two joined by a hyphen -> files
CorpusFiles = Mapping[str, Sequence[TextRows]]

#: Parts of names that have the form of a code and are none.
_WORDS = (
    "all", "bin", "bpe", "bz", "cc", "cfg", "csv", "db", "dev", "doc", "gz", "idx", "ini", "js",
    "log", "md", "new", "npy", "npz", "old", "out", "pdf", "py", "raw", "rs", "sgm", "sh", "src",
    "sql", "tar", "tmp", "tmx", "tok", "tsv", "txt", "vec", "xml", "xz", "yml", "zip",
)  # fmt: skip

_CODE = r"[a-z]{2,3}(?:[-_][A-Z][a-z]{3})?(?:[-_][A-Z]{2})?"

#: Two codes at the end of a name, such as `Tatoeba.de-en`.
_PAIR = re.compile(rf"(?:^|[._-])({_CODE})-({_CODE})$")

_TABLE, _TEXT = ".tsv", ".txt"

_MONO_FORMS = "LANG.txt, NAME.LANG, LANG/NAME.txt or files of pairs, packed as .gz or not"
_PAIR_FORMS = "a .tsv of two columns headed by their languages or named x-y.tsv, or x-y.x and x-y.y"


def find_monolingual(paths: Sequence[Path], exclude: Sequence[str] = ()) -> CorpusFiles:
    """Find texts by language: `LANG.txt`, `NAME.LANG`, `LANG/NAME.txt`, and both sides of pairs.

    Args:
        paths: Files, and folders that are searched to the bottom: `data.mono`.
        exclude: Patterns of paths that are left out.

    Raises:
        UserError: A path does not exist, or holds none of these.
    """

    def add(found: dict[str, list[TextRows]], files: Sequence[Path]) -> None:
        for file in files:
            if sides := _table_sides(file):
                codes, header = sides
                for column, code in enumerate(codes):
                    rows = Columns(text_file(file), (column,), header)
                    found.setdefault(code, []).append(rows)
            elif language := _language_of(file):
                found.setdefault(language, []).append(Lines((text_file(file),)))

    return _search("data.mono", paths, exclude, add, _MONO_FORMS)


def find_parallel(paths: Sequence[Path], exclude: Sequence[str] = ()) -> CorpusFiles:
    """Find translation pairs: tables of two columns, and files of two languages side by side.

    English is the first language of a pair, else the first in the alphabet, whatever the order in
    the file.

    Args:
        paths: Files, and folders that are searched to the bottom: `data.parallel`.
        exclude: Patterns of paths that are left out.

    Raises:
        UserError: A path does not exist or holds none of these, or a file lacks its other side.
    """

    def add(found: dict[str, list[TextRows]], files: Sequence[Path]) -> None:
        for file in files:
            if sides := _table_sides(file):
                codes, header = sides
                first, second = sorted((0, 1), key=lambda column: _rank(codes[column]))
                rows = Columns(text_file(file), (first, second), header)
                found.setdefault(f"{codes[first]}-{codes[second]}", []).append(rows)
        for by_language in _aligned(files):
            pair = sorted(by_language, key=_rank)
            aligned = Lines(tuple(text_file(by_language[code]) for code in pair))
            found.setdefault("-".join(pair), []).append(aligned)

    return _search("data.parallel", paths, exclude, add, _PAIR_FORMS)


def _search(
    key: str,
    paths: Sequence[Path],
    exclude: Sequence[str],
    add: Callable[[dict[str, list[TextRows]], Sequence[Path]], None],
    forms: str,
) -> CorpusFiles:
    """Look through paths, each of which must hold something that is not excluded."""
    found: dict[str, list[TextRows]] = {}
    seen: set[Path] = set()
    for path in paths:
        listed = list(_listed(key, path))
        kept = [file for file in listed if not _is_excluded(file, exclude)]
        new = [file for file in kept if file.resolve() not in seen]
        seen.update(file.resolve() for file in new)
        own: dict[str, list[TextRows]] = {}
        add(own, kept)
        if not own:
            left_out = len(listed) - len(kept)
            but = f" but {left_out} files that data.exclude leaves out" if left_out else ""
            raise UserError(f"{key}: {path} holds no text in a known form{but}", f"Give {forms}.")
        add(found, new)
    return {language: tuple(found[language]) for language in sorted(found)}


def _listed(key: str, path: Path) -> Iterator[Path]:
    """The files at a path, hidden ones left out.

    Raises:
        UserError: It does not exist.
    """
    if not path.exists():
        raise UserError(f"{key}: {path} does not exist", "Check the path.")
    if not path.is_dir():
        yield path
        return
    for file in sorted(path.rglob("*")):
        hidden = any(part.startswith(".") for part in file.relative_to(path).parts)
        if file.is_file() and not hidden:
            yield file


def _is_excluded(file: Path, patterns: Sequence[str]) -> bool:
    """Tell whether a pattern fits the path, as it was given or from the root."""
    names = (file.as_posix(), file.absolute().as_posix())
    return any(fnmatch.fnmatch(name, pattern) for name in names for pattern in patterns)


def _bare(file: Path) -> Path:
    """The name without `.gz`."""
    return file.with_suffix("") if file.suffix.lower() == GZIP else file


def _is_language(word: str) -> bool:
    """Tell whether a part of a name is a language's code, not an ending or a word."""
    return is_language_code(word) and word not in _WORDS


def _rank(code: str) -> tuple[bool, str]:
    """English first, then the alphabet."""
    return (code not in ("en", "eng"), code)


def _language_of(file: Path) -> str | None:
    """The language of a file of lines by its name, or by the folder of a `.txt`."""
    bare = _bare(file)
    stem, ending = bare.stem, bare.suffix
    if ending != _TEXT:
        return ending[1:] if _is_language(ending[1:]) else None
    parts = (stem, stem.rpartition(".")[2], bare.parent.name)
    return next(filter(_is_language, parts), None)


def _pair_in(stem: str) -> tuple[str, str] | None:
    """The two languages that a name ends in."""
    found = _PAIR.search(stem)
    if found and _is_language(found[1]) and _is_language(found[2]) and found[1] != found[2]:
        return found[1], found[2]
    return None


def _table_sides(file: Path) -> tuple[tuple[str, str], bool] | None:
    """The languages of a table's two columns, and whether a header names them."""
    bare = _bare(file)
    if bare.suffix.lower() != _TABLE:
        return None
    named = _pair_in(bare.stem)
    _, line = next(text_file(file).decoded(), (0, ""))
    first, _, second = line.rstrip("\r\n").partition("\t")
    header = is_language_code(first) and is_language_code(second) and first != second
    if header and (named is None or {first, second} == set(named)):
        return (first, second), True
    return (named, False) if named else None


def _aligned(files: Sequence[Path]) -> Iterator[dict[str, Path]]:
    """Pairs of files of lines that differ in their language alone, by language.

    Raises:
        UserError: The name of one says that there is another, which is not there.
    """
    stems: dict[Path, dict[str, Path]] = {}
    for file in files:
        bare = _bare(file)
        if bare.suffix != _TEXT and _is_language(bare.suffix[1:]):
            stems.setdefault(bare.with_suffix(""), {}).setdefault(bare.suffix[1:], file)
    for stem, by_language in stems.items():
        pair = _pair_in(stem.name)
        if pair is None:
            if len(by_language) == 2:  # Moses' train.de and train.en
                yield by_language
            continue
        own = {code: file for code, file in by_language.items() if code in pair}
        if len(own) == 1:
            (code, file), *_ = own.items()
            other = pair[1 - pair.index(code)]
            raise UserError(
                f"{file} has no translation: {stem.name}.{other} is not next to it",
                "Add that file, or leave this one out with data.exclude.",
            )
        if own:
            yield own
