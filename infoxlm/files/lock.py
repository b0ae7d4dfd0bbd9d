"""Locks on folders; the system lets go of one when its process dies, however it dies."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from infoxlm.errors import UserError

#: The file by which a folder is locked.
LOCK = ".lock"


@contextmanager
def lock_folder(folder: Path, key: str = "hydra.run.dir") -> Iterator[None]:
    """Keep other processes out of a folder while the block lasts; it is made when missing.

    Args:
        folder: The folder.
        key: The setting that names it, for messages.

    Raises:
        UserError: Another process is at work there, or the folder cannot be written.
    """
    remedy = f"ive another folder with {key}=FOLDER."
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / LOCK)
        lock.acquire(timeout=0)
    except Timeout as error:
        raise UserError(
            f"another process is at work in {folder}", f"Wait for it to end, or g{remedy}"
        ) from error
    except OSError as error:
        raise UserError(
            f"the folder {folder} cannot be written: {error.strerror or error}", f"G{remedy}"
        ) from error
    try:
        yield
    finally:
        (folder / LOCK).unlink(missing_ok=True)
        lock.release()


def wait_for_lock(file: Path) -> FileLock:
    """Lock a file of that name, after waiting for the process that has it.

    Returns:
        The lock; leaving it as a context manager gives it back.

    Raises:
        OSError: The file cannot be written.
    """
    lock = FileLock(file)
    lock.acquire()
    return lock


def is_locked(file: Path) -> bool:
    """Tell whether a process holds the lock on a file of that name."""
    lock = FileLock(file)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return True
    lock.release()
    return False
