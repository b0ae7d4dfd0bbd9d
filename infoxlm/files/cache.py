"""Cached files and folders: locked while they are made, checked when opened."""

import logging
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from infoxlm.errors import UserError
from infoxlm.files.atomic import atomic_file, atomic_folder
from infoxlm.files.lock import wait_for_lock

logger = logging.getLogger(__name__)

Value = TypeVar("Value")


def default_cache_dir() -> Path:
    """The default cache folder, the same as `cache_dir` of the configurations."""
    return Path(os.environ.get("INFOXLM_CACHE") or Path.home() / ".cache" / "infoxlm")


def cached_folder(
    folder: Path,
    read: Callable[[Path], Value],
    make: Callable[[], Value],
    write: Callable[[Path, Value], None],
) -> Value:
    """Read a folder of a cache; where it is missing or damaged, make it again.

    Processes that want it at once wait for the one that makes it. Whoever has no right to write
    may still read.

    Args:
        folder: Named by everything that decides its content, so that it never goes stale.
        read: Reads the folder; raises ValueError, OSError or `UserError` when it is damaged.
        make: Makes the value; its errors are not the cache's.
        write: Fills an empty folder with the value.

    Returns:
        What `read` gives, also of a folder that was just written: mapped pages can leave memory
        again, what was made cannot.

    Raises:
        UserError: The cache has to be written and cannot be.
    """
    with _found_or_locked(folder, read) as found:
        if found:
            return found[0]
        value = make()
        with cache_errors(folder.parent), atomic_folder(folder, locked=True) as part:
            write(part, value)
        return next(iter(_look(folder, read)), value)


def cached_file(
    file: Path,
    read: Callable[[Path], Value],
    make: Callable[[], Value],
    write: Callable[[Path, Value], None],
) -> Value:
    """Read a file of a cache; where it is missing or damaged, make it again.

    As `cached_folder`, but what was just made is returned as it is.
    """
    with _found_or_locked(file, read) as found:
        if found:
            return found[0]
        value = make()
        with cache_errors(file.parent), atomic_file(file) as temporary:
            write(temporary, value)
    return value


@contextmanager
def cache_errors(folder: Path) -> Iterator[None]:
    """Explain what the system refuses while a cache is written."""
    try:
        yield
    except OSError as error:
        raise UserError(
            f"the cache {folder} cannot be written: {error.strerror or error}",
            "Set data.cache_dir to a folder that is writable and has space; in commands without "
            "the group data, cache_dir.",
        ) from error


def lock_of(path: Path) -> Path:
    """The file by which processes wait for each other."""
    return path.with_name(f"{path.name}.lock")


@contextmanager
def _found_or_locked(path: Path, read: Callable[[Path], Value]) -> Iterator[list[Value]]:
    """Read what a cache holds whole, as a list of at most one; locked while it is empty."""
    with cache_errors(path.parent):
        found = _look(path, read)
    if found:
        yield found
        return
    with cache_errors(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = wait_for_lock(lock_of(path))
    with lock:
        found = _look(path, read, remove=True)  # another process may have been faster
        yield found


def _look(path: Path, read: Callable[[Path], Value], *, remove: bool = False) -> list[Value]:
    """Read what is there and whole; where it is damaged, perhaps remove it."""
    if not path.exists():
        return []
    try:
        return [read(path)]
    except (OSError, ValueError, UserError) as error:
        if remove:
            problem = error.problem if isinstance(error, UserError) else error
            logger.warning("The cache is damaged and is made again: %s: %s", path, problem)
            with cache_errors(path.parent):
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        return []
