"""A model folder that appears whole or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from infoxlm.convert.report import REPORT_FILE
from infoxlm.errors import UserError
from infoxlm.files.atomic import atomic_folder


@contextmanager
def target_folder(
    target: Path, *, overwrite: bool, source: Path, mark: str = REPORT_FILE
) -> Iterator[Path]:
    """Give an empty folder next to ``target``; it takes that name when the block ends well.

    When the block raises, the temporary folder goes and whatever ``target`` was stays.

    Args:
        target: The folder to write.
        overwrite: Replace a folder that the same command wrote earlier.
        source: A file that is being read, and must not go with what is replaced.
        mark: The file by which such a folder is known.

    Raises:
        UserError: Something is in the way, or the disk refuses.
    """
    check_target(target, overwrite=overwrite, mark=mark)
    target = Path(os.path.realpath(target))  # resolve() would raise at links in a circle
    if source.resolve().is_relative_to(target):
        raise UserError(f"target {target} holds the source {source}", "Choose another target.")
    try:
        with atomic_folder(target) as part:
            yield part
    except OSError as error:
        raise UserError(
            f"target {target} cannot be written: {error.strerror or error}",
            "Choose another target, or make room and set the permissions.",
        ) from error


def check_target(target: Path, *, overwrite: bool, mark: str = REPORT_FILE) -> None:
    """Refuse to replace what should stay; worth asking before a long download.

    Raises:
        UserError: The target is a file, a folder with contents while ``overwrite`` is off, or a
            folder that this command did not write.
    """
    if not target.exists():
        return
    if not target.is_dir():
        raise UserError(f"target {target} is a file", "Choose a folder that does not exist yet.")
    if not any(target.iterdir()):
        return
    if not (target / mark).is_file():
        raise UserError(
            f"target {target} was not written by this command (it has no {mark})",
            "Choose another target, or remove that folder yourself.",
        )
    if not overwrite:
        raise UserError(
            f"target {target} exists and is not empty",
            "Choose another target, or set overwrite=true to replace it.",
        )
