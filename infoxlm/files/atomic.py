"""Files and folders that are either whole or absent."""

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from infoxlm.files.manifest import sync
from infoxlm.files.new_folders import first_missing, remove_empty

#: Ends of the names that folders have while they are written, and while they are replaced.
PART, REPLACED = ".part", ".replaced"


@contextmanager
def atomic_file(path: str | Path) -> Iterator[Path]:
    """Give a temporary path next to `path`; it takes that name when the block ends well.

    The temporary name keeps the suffix, which some writers choose a format by. Missing folders
    are made. When the block raises, what was there before stays and nothing else does.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{os.getpid()}.{path.name}")
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: str | Path, text: str) -> None:
    """Write a UTF-8 text file, whole or not at all."""
    with atomic_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: str | Path, value: Any, *, indent: int | None = 2) -> None:
    """Write a value as JSON, whole or not at all.

    Raises:
        ValueError: It holds NaN or infinities, which JSON cannot.
    """
    text = json.dumps(value, indent=indent, ensure_ascii=False, allow_nan=False)
    write_text(path, text + "\n")


@contextmanager
def atomic_folder(target: Path, *, locked: bool = False) -> Iterator[Path]:
    """Give an empty folder next to `target`; it takes that name when the block ends well.

    Missing folders above are made. When the block raises, what was there before stays and nothing
    else does.

    Args:
        target: The folder; one that is there is replaced.
        locked: Whether no other process writes `target` meanwhile. The temporary name is then
            always the same, so that what a killed process left is found and removed.
    """
    owner = "" if locked else f".{os.getpid()}"
    part = target.with_name(f".{target.name}{owner}{PART}")
    made = first_missing(target.parent.absolute())
    try:
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        yield part
        move_into_place(part, target)
    finally:
        shutil.rmtree(part, ignore_errors=True)
        if made is not None:
            remove_empty(target.parent.absolute(), made)


def move_into_place(part: Path, target: Path) -> None:
    """Rename a folder that is whole; one of that name is removed afterwards, not before."""
    replaced = part.with_name(part.name.removesuffix(PART) + REPLACED)
    replaces = target.exists()
    if replaces:
        shutil.rmtree(replaced, ignore_errors=True)
        target.rename(replaced)
    try:
        part.rename(target)
    except OSError:
        if replaces:
            replaced.rename(target)
        raise
    sync(target.parent)
    shutil.rmtree(replaced, ignore_errors=True)


def tidy_folder(parent: Path) -> None:
    """Finish or undo what processes that died were at in a folder that this one has locked."""
    for part in parent.glob(f".*{PART}"):
        shutil.rmtree(part)
    for replaced in parent.glob(f".*{REPLACED}"):
        target = parent / replaced.name[1:].removesuffix(REPLACED)
        if target.exists():
            shutil.rmtree(replaced)
        else:
            replaced.rename(target)
