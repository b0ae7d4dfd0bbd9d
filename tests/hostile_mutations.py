"""Ways to spoil a file, by what kind of file it is; harmless to whoever reads it rightly."""

import json
import os
import random
import shutil
import struct
from collections.abc import Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

#: An environment variable that no output may show; configurations ask for it.
SECRET_NAME, SECRET = "INFOXLM_CANARY", "kept-to-itself-7f3a"

#: Values that no reader expects where they land.
ODD_VALUES: list[Any] = [
    None, True, False, 0, 1, -1, 2, 3, 2**31, 2**63, -(2**63), 10**30, 0.5, -0.0, 1e308, 1e-320,
    "", " ", "a", "0", "nan", "../..", "/", "/dev/null", "\0", "\x1b[31m", "\u202e", "\ud800",
    "é" * 300, "a" * 5000, f"${{oc.env:{SECRET_NAME}}}", "${a}", "${oc.env:HOME}", "<s>",
    "%s", "{0}", "~", "*", [], {}, [[]], [None], {"": ""}, {"a": {"b": 1}},
    [1, "a", None], ["a"] * 2000, float("nan"), float("inf"), -float("inf"),
]  # fmt: skip

ODD_BYTES = [
    b"", b"\0", b"\n", b"\xff", b"\xff\xfe", b"{", b"[]", b"{}", b"null", b"a", b"\0" * 5000,
    b"[" * 5000, b'{"a":' * 2000, b"\xef\xbb\xbf{}", b"1" * 5000, b"- " * 3000,
]  # fmt: skip


def spoil(folder: Path, rng: random.Random, telling: Sequence[str]) -> str:
    """Spoil one to three files of a folder.

    Args:
        folder: The folder.
        rng: The generator that chooses what is spoiled, and how.
        telling: Patterns of the files that matter most, which are spoiled most often.

    Returns:
        What was done, for a report.
    """
    done = []
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        files = sorted(x for x in folder.rglob("*") if x.is_file() and not x.is_symlink())
        if not files:
            break
        first = [x for x in files if any(x.match(pattern) for pattern in telling)]
        path = rng.choice(first if first and rng.random() < 0.8 else files)
        ways = [as_place, as_bytes, as_bytes]
        if path.suffix in (".json", ".jsonl"):
            ways += [as_json] * 12
        elif path.suffix in (".yaml", ".tsv", ".csv", ".log", ".txt"):
            ways += [as_lines] * 12
        elif path.suffix == ".safetensors":
            ways += [as_safetensors] * 6
        way = rng.choice(ways)
        done.append(f"{way.__name__} {path.relative_to(folder)}")
        way(path, rng)
    if (manifest := folder / "manifest.json").is_file() and rng.random() < 0.8:
        manifest.unlink()  # or else its checksums would be all that is tested
        done.append("no manifest")
    return "; ".join(done)


def as_place(path: Path, rng: random.Random) -> None:
    """Put something else where a file was."""
    content = path.read_bytes()
    others = sorted(x for x in path.parent.iterdir() if x.is_file() and x != path)
    path.unlink()
    match rng.randrange(7):
        case 0:
            path.mkdir()
        case 1:
            path.symlink_to(path.name)
        case 2:
            path.symlink_to("/nowhere/at/all")
        case 3 if others:
            shutil.copy(rng.choice(others), path)
        case 4:
            os.mkfifo(path)
        case 5:
            path.write_bytes(content)
            path.rename(path.with_name(path.name + rng.choice((".", "x", "\n", "é"))))
        case _:
            pass  # missing


def as_bytes(path: Path, rng: random.Random) -> None:
    """Change, cut, repeat or replace bytes."""
    content = bytearray(path.read_bytes())
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(content) + 1)
        if rng.random() < 0.5:
            at = min(at, rng.randrange(400))  # headers stand in front
        length = rng.choice((1, 1, 2, 4, 8, 100))
        match rng.randrange(7):
            case 0:
                content[at : at + length] = rng.choice((b"\xff", b"\0", b"\x7f", b"\x80")) * length
            case 1:
                content[at : at + 1] = bytes([rng.randrange(256)])
            case 2:
                del content[at : at + length]
            case 3:
                content[at:at] = content[at : at + length] * rng.randint(1, 30)
            case 4:
                del content[at:]
            case 5:
                content[at:at] = rng.choice(ODD_BYTES)
            case 6:
                content = bytearray(rng.choice(ODD_BYTES))
    path.write_bytes(content)


def as_json(path: Path, rng: random.Random) -> None:
    """Change values, names and places inside JSON."""
    text = path.read_text(encoding="utf-8", errors="replace")
    lines = text.splitlines()
    at = rng.randrange(max(1, len(lines))) if path.suffix == ".jsonl" and lines else None
    try:
        value = json.loads(text if at is None else lines[at])
    except (ValueError, RecursionError):  # spoiled before
        as_bytes(path, rng)
        return
    for _ in range(rng.choice((1, 1, 1, 2, 5))):
        value = changed(value, rng)
    text = json.dumps(value, indent=None if at is not None else rng.choice((None, 2)))
    if at is not None:
        lines[at] = text
        text = "\n".join(lines) + "\n"
    path.write_text(text, encoding="utf-8")


def changed(value: Any, rng: random.Random) -> Any:
    """A JSON value with one odd thing somewhere inside."""
    if isinstance(value, dict | list) and value and rng.random() < 0.85:
        places = list(value) if isinstance(value, dict) else list(range(len(value)))
        place = rng.choice(places)
        match rng.randrange(10):
            case 0:
                del value[place]
            case 1 if isinstance(value, dict):
                value[str(rng.choice(ODD_VALUES))] = value.pop(place)
            case 2 if isinstance(value, list):
                value += deepcopy(value[place : place + 1]) * rng.choice((1, 3, 50))
            case 3:
                value[place] = deepcopy(value[rng.choice(places)])
            case _:
                value[place] = changed(value[place], rng)
        return value
    if isinstance(value, bool | int | float) and rng.random() < 0.3:
        return rng.choice((value + 1, value - 1, -value, value * 2, value * 1000, float(value)))
    return deepcopy(rng.choice(ODD_VALUES))


def as_lines(path: Path, rng: random.Random) -> None:
    """Change, repeat, remove, swap lines, and what is between tabs, commas and colons."""
    lines = path.read_text(encoding="utf-8", errors="replace").split("\n")
    for _ in range(rng.choice((1, 1, 2, 5))):
        at = rng.randrange(len(lines))
        odd = str(rng.choice(ODD_VALUES)).encode("utf-8", "replace").decode()
        mark = rng.choice("\t,:")
        match rng.randrange(8):
            case 0:
                lines[at] = odd
            case 1 | 2 | 3 if mark in lines[at]:
                fields = lines[at].split(mark)
                fields[rng.randrange(len(fields))] = odd if mark != ":" else f" {odd}"
                lines[at] = mark.join(fields)
            case 4:
                lines[at] = lines[at] * rng.choice((2, 50))
            case 5:
                del lines[at]
            case 6:
                lines[at:at] = [lines[rng.randrange(len(lines))]] * rng.choice((1, 5))
            case _:
                lines[at] = lines[at].replace(mark, rng.choice(("", mark * 2, " ", '"', odd)))
        lines = lines or [""]
    path.write_text("\n".join(lines), encoding="utf-8")


def as_safetensors(path: Path, rng: random.Random) -> None:
    """Change the header, which says where each tensor lies and of what type it is."""
    content = path.read_bytes()
    try:
        size = struct.unpack("<Q", content[:8])[0]
        header = json.loads(content[8 : 8 + size])
    except (struct.error, ValueError, RecursionError):  # spoiled before
        as_bytes(path, rng)
        return
    for _ in range(rng.choice((1, 1, 3))):
        header = changed(header, rng)
    text = json.dumps(header).encode()
    path.write_bytes(
        struct.pack("<Q", len(text) + rng.choice((0, 0, 0, 1, -1))) + text + content[8 + size :]
    )


#: Values for keys on the command line.
ODD_WORDS = [
    "", "null", "true", "-1", "0", "1e400", "nan", "[]", "{}", "[[1]]", "a b", "'", '"', "$",
    "${a}", "../..", "/dev/null", "~", "é" * 300, "\x1b[31m",
    "9" * 400, "a=b", "{a:1}", "range(1,3)", "1,2", "%", "???", "\n", "*", "[1,", "<sep>", "0x10",
    "1_0",
]  # fmt: skip
