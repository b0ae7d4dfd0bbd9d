"""Folders made on the way to another one, so that they can go again when nothing came of it."""

from pathlib import Path


def first_missing(folder: Path) -> Path | None:
    """The topmost folder that has to be made for a folder; None when it is there.

    Args:
        folder: An absolute path.
    """
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    return missing[-1] if missing else None


def remove_empty(folder: Path, topmost: Path) -> None:
    """Remove a folder and those above it up to a topmost one, as long as they are empty."""
    for path in (folder, *folder.parents):
        if path.is_dir():
            if any(path.iterdir()):
                return
            path.rmdir()
        if path == topmost:
            return
