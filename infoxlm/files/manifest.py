"""A folder's list of its files with sizes and checksums, by which damage is recognised."""

import hashlib
import json
import os
from pathlib import Path, PurePath
from typing import Any

from infoxlm.errors import UserError
from infoxlm.files.json_file import read_json_object
from infoxlm.files.regular_file import open_regular

MANIFEST = "manifest.json"
_ENTRY = ("bytes", "sha256")


def sha256_of(path: str | Path) -> str:
    """SHA-256 of a file's bytes as hexadecimal digits."""
    with open_regular(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_manifest(folder: Path) -> None:
    """List every file of a folder in its ``manifest.json``, and sync them all to the disk.

    Written last, the manifest says that everything before it is whole.

    Raises:
        OSError: The disk is full or the folder cannot be written.
    """
    files = {}
    manifest = folder / MANIFEST
    for path in sorted(x for x in folder.rglob("*") if x.is_file() and x != manifest):
        sync(path)
        name = path.relative_to(folder).as_posix()
        files[name] = {"bytes": path.stat().st_size, "sha256": sha256_of(path)}
    manifest.write_text(json.dumps({"files": files}, indent=2) + "\n", encoding="utf-8")
    sync(manifest)
    sync(folder)


def read_manifest(folder: Path) -> dict[str, dict[str, int | str]]:
    """Size and SHA-256 of each file that a folder's manifest lists, by name.

    Raises:
        UserError: The manifest is missing or damaged.
    """
    path = folder / MANIFEST
    try:
        files = read_json_object(path).get("files")
        if not isinstance(files, dict):
            raise ValueError("it lists no files")
        return {name: _listed(name, entry) for name, entry in files.items()}
    except FileNotFoundError as error:
        raise UserError(f"{path} is missing", "The folder was not written to its end.") from error
    except (ValueError, OSError) as error:
        raise UserError(f"{path} is damaged: {error}", "Use another folder.") from error


def _listed(name: str, entry: Any) -> dict[str, int | str]:
    """Size and SHA-256 of one entry, whose name has to stay inside the folder."""
    path = PurePath(name)
    if path.is_absolute() or ".." in path.parts or "\0" in name:
        raise ValueError(f"{name!r} is no file of the folder")
    size, digest = (entry.get(key) if isinstance(entry, dict) else None for key in _ENTRY)
    if type(size) is not int or not isinstance(digest, str):
        raise ValueError(f"{name!r} has no size or no checksum")
    return {"bytes": size, "sha256": digest}


def check_manifest(folder: Path) -> None:
    """Check that a folder holds what its manifest lists, to the byte.

    Raises:
        UserError: A file is missing, of another size or of other content, or the manifest
            itself is at fault.
    """
    remedy = f"Use another folder; if you changed the file yourself, delete {MANIFEST}."
    for name, listed in read_manifest(folder).items():
        path = folder / name
        if not path.is_file():
            raise UserError(f"{path} is missing", remedy)
        if (size := path.stat().st_size) != listed["bytes"]:
            raise UserError(f"{path} has {size} bytes instead of {listed['bytes']}", remedy)
        if sha256_of(path) != listed["sha256"]:
            raise UserError(f"{path} is damaged: its checksum is not the one written", remedy)


def sync(path: Path) -> None:
    """Have the system write a file or a folder's entries to the disk, and wait for it."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
