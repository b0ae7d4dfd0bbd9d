"""A run's folder, held by one process at a time."""

import contextlib
import logging
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from infoxlm.errors import UserError

RUN_RECORD = "run.json"
RESULTS = "results.json"
CHECKPOINTS = "checkpoints"
LOCK = ".lock"


@contextlib.contextmanager
def lock_folder(folder: Path) -> Iterator[None]:
    """Keep other processes out of a folder while the block lasts, even if this one is killed.

    Raises:
        UserError: Another process is at work there, or the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / LOCK)
        lock.acquire(timeout=0)
    except Timeout as error:
        raise UserError(
            f"another process is at work in {folder}",
            "Wait for it to end, or give another folder with hydra.run.dir=FOLDER.",
        ) from error
    except OSError as error:
        raise UserError(
            f"the run's folder {folder} cannot be written: {error.strerror or error}",
            "Give another folder with hydra.run.dir=FOLDER.",
        ) from error
    try:
        yield
    finally:
        (folder / LOCK).unlink(missing_ok=True)
        lock.release()


def log_into(folder: Path) -> None:
    """Continue the log file of this process in another run's folder."""
    root = logging.getLogger()
    for handler in list(root.handlers):
        if isinstance(handler, logging.FileHandler):
            file = Path(handler.baseFilename)
            moved = logging.FileHandler(
                folder / file.name, encoding="utf-8", errors="backslashreplace"
            )
            moved.setFormatter(handler.formatter)
            root.addHandler(moved)
            root.removeHandler(handler)
            handler.close()
