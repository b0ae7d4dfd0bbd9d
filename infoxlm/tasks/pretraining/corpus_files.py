"""The files of a corpus, found by the languages in their names or headers."""

import fnmatch
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from infoxlm.data.gzip_file import text_file
from infoxlm.errors import UserError
from infoxlm.files.listing import files_below
from infoxlm.tasks.pretraining.language_names import (
    TEXT,
    bare_name,
    language_of,
    pair_in,
    pair_in_header,
)
from infoxlm.tasks.pretraining.text_rows import Columns, Lines, TextRows

logger = logging.getLogger(__name__)

#: language, or two joined by a hyphen -> files
CorpusFiles = Mapping[str, Sequence[TextRows]]

_TABLE = ".tsv"
#: The key of the paths that `exclude` is about.
_PARALLEL = "data.parallel"

_MONO_FORMS = "LANG.txt, NAME.LANG, LANG/NAME.txt or files of pairs, packed as .gz or not"
_PAIR_FORMS = (
    "a .tsv of two columns headed by their languages or named x-y.tsv, x-y.x and x-y.y, or NAME.x "
    "and NAME.y of two languages alone"
)


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
            elif language := language_of(file):
                found.setdefault(language, []).append(Lines((text_file(file),)))

    return _search("data.mono", paths, exclude, add, _MONO_FORMS)


def find_parallel(
    paths: Sequence[Path], exclude: Sequence[str] = (), key: str = _PARALLEL
) -> CorpusFiles:
    """Find translation pairs: tables of two columns, and files of two languages side by side.

    English is the first language of a pair, else the first in the alphabet, whatever the order in
    the file.

    Args:
        paths: Files, and folders that are searched to the bottom.
        exclude: Patterns of paths that are left out.
        key: What names the paths; what `data.parallel` does may be left out with `data.exclude`.

    Raises:
        UserError: A path does not exist or holds none of these, or a file lacks its other side.
    """
    parallel = key == _PARALLEL
    way_out = "leave this one out with data.exclude" if parallel else "take this one away"

    def add(found: dict[str, list[TextRows]], files: Sequence[Path]) -> None:
        for file in files:
            if sides := _table_sides(file):
                codes, header = sides
                first, second = sorted((0, 1), key=lambda column: _rank(codes[column]))
                rows = Columns(text_file(file), (first, second), header)
                found.setdefault(f"{codes[first]}-{codes[second]}", []).append(rows)
        for by_language in _aligned(files, way_out):
            pair = sorted(by_language, key=_rank)
            aligned = Lines(tuple(text_file(by_language[code]) for code in pair))
            found.setdefault("-".join(pair), []).append(aligned)

    return _search(key, paths, exclude, add, _PAIR_FORMS)


def log_unused_patterns(paths: Sequence[Path], exclude: Sequence[str]) -> None:
    """Log patterns that fit no file: what one was meant to keep from training is trained on."""
    files = [file for path in paths for file in _listed("data", path)]
    for pattern in exclude:
        if not any(_is_excluded(file, [pattern]) for file in files):
            logger.warning("data.exclude: no file's path fits %s", pattern)


def _search(
    key: str,
    paths: Sequence[Path],
    exclude: Sequence[str],
    add: Callable[[dict[str, list[TextRows]], Sequence[Path]], None],
    forms: str,
) -> CorpusFiles:
    """Look through paths, each of which must hold something that is not excluded."""
    files: dict[Path, Path] = {}  # where they lie, and by which name they were found first
    places: dict[Path, set[Path]] = {}
    for path in paths:
        listed = list(_listed(key, path))
        kept = {file: file.resolve() for file in listed if not _is_excluded(file, exclude)}
        if listed and not kept:
            raise UserError(
                f"{key}: data.exclude leaves out every file of {path}",
                "Leave the path out, or change data.exclude.",
            )
        places[path] = set(kept.values())
        for file, place in kept.items():
            files.setdefault(place, file)
    found: dict[str, list[TextRows]] = {}
    add(found, list(files.values()))  # together: two aligned files may be two paths
    read = {file.path for of_code in found.values() for rows in of_code for file in rows.files}
    for path, of_path in places.items():
        if not any(files[place] in read for place in of_path):
            raise UserError(f"{key}: {path} holds no text in a known form", f"Give {forms}.")
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
    for file in sorted(files_below(path)):
        hidden = any(part.startswith(".") for part in file.relative_to(path).parts)
        if file.is_file() and not hidden:
            yield file


def _is_excluded(file: Path, patterns: Sequence[str]) -> bool:
    """Tell whether a pattern fits the path: as it was given, from the root, or behind links."""
    names = (file.as_posix(), file.absolute().as_posix(), file.resolve().as_posix())
    return any(fnmatch.fnmatch(name, pattern) for name in names for pattern in patterns)


def _rank(code: str) -> tuple[bool, str]:
    """English first, then the alphabet."""
    return (code not in ("en", "eng"), code)


def _table_sides(file: Path) -> tuple[tuple[str, str], bool] | None:
    """The languages of a table's two columns, and whether a header names them."""
    bare = bare_name(file)
    if bare.suffix.lower() != _TABLE:
        return None
    named = pair_in(bare.stem)
    _, line = next(text_file(file).decoded(), (0, ""))
    header = pair_in_header(line)
    if header and (named is None or set(header) == set(named)):
        return header, True
    return (named, False) if named else None


def _aligned(files: Sequence[Path], way_out: str) -> Iterator[dict[str, Path]]:
    """Pairs of files of lines that differ in their language alone, by language.

    Args:
        files: All that there are.
        way_out: What to do with a file that lacks its other side.

    Raises:
        UserError: The name of one says that there is another, which is not there.
    """
    stems: dict[Path, dict[str, Path]] = {}
    for file in files:
        bare = bare_name(file)
        if bare.suffix not in (TEXT, _TABLE) and (code := language_of(file)):
            stems.setdefault(bare.with_suffix(""), {}).setdefault(code, file)
    for stem, by_language in stems.items():
        pair = pair_in(stem.name)
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
                f"Add that file, or {way_out}.",
            )
        if own:
            yield own
