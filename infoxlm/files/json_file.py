"""JSON that comes from outside: read within limits, so that what follows meets no odd value."""

import json
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from infoxlm.files.regular_file import open_regular

Value = TypeVar("Value")

#: The largest file that is read at once; XLM-R's tokenizer.json has 17 MB.
MOST_BYTES = 64 << 20
#: The longest line of a file of JSON lines.
MOST_LINE_BYTES = 1 << 20
#: Objects and lists inside each other. Everything that goes through them may recurse.
MOST_LEVELS = 64
#: Digits of a whole number: so many that it is still finite as a float.
MOST_DIGITS = 100


def read_json(path: str | Path, most_bytes: int = MOST_BYTES) -> Any:
    """Read one JSON value from a file.

    Args:
        path: The file, in UTF-8.
        most_bytes: A larger file is refused.

    Raises:
        OSError: The file is missing or cannot be read.
        ValueError: It is no regular file, too large, not JSON, or goes beyond a limit; the
            message is one line.
    """
    with open_regular(path) as file:
        content = file.read(most_bytes + 1)
    if len(content) > most_bytes:
        raise ValueError(f"it is larger than {most_bytes:,} bytes")
    return parse_json(content.decode("utf-8-sig"))


def read_json_object(path: str | Path, most_bytes: int = MOST_BYTES) -> dict[str, Any]:
    """Read one JSON object from a file; see `read_json`.

    Raises:
        OSError: The file is missing or cannot be read.
        ValueError: It holds something else.
    """
    value = read_json(path, most_bytes)
    if not isinstance(value, dict):
        raise ValueError("it is not a JSON object")
    return value


def parse_json(text: str, lenient: bool = False) -> Any:
    """Parse one JSON value.

    Args:
        text: The JSON, such as a line of a file.
        lenient: Whether to read what Python writes and JSON does not know: NaN, Infinity, and
            halves of characters. For texts of people, not for what infoxlm itself has written.

    Raises:
        ValueError: It is not JSON, nested too deeply, a number is out of range, or a text holds
            half a character; the message is one line.
    """
    try:
        value = (_LENIENT if lenient else _STRICT).decode(text)
    except RecursionError:
        raise ValueError(f"it is nested in more than {MOST_LEVELS} levels") from None
    _check_levels(value)
    if "\\u" in text and not lenient:
        _check_surrogates(value)
    return value


def parsed_lines(path: str | Path, parse: Callable[[str], Value]) -> Iterator[Value]:
    """Parse the lines of a UTF-8 file one by one.

    Args:
        path: The file; what is not UTF-8 in it is read as U+FFFD.
        parse: What makes a value of a line, its line feed included, or raises `ValueError`.

    Raises:
        OSError: The file is missing or cannot be read.
        ValueError: It is no regular file, or a line is too long or cannot be parsed; the message
            says which.
    """
    with open_regular(path) as file:
        number = 0
        while line := file.readline(MOST_LINE_BYTES + 1):
            number += 1
            try:
                if len(line) > MOST_LINE_BYTES:
                    raise ValueError(f"it has more than {MOST_LINE_BYTES:,} bytes")
                value = parse(line.decode("utf-8", "replace"))
            except ValueError as error:
                raise ValueError(f"line {number}: {error}") from error
            yield value


def _check_surrogates(value: Any) -> None:
    """Refuse half a character, which JSON can escape and no file or terminal can hold.

    Raises:
        ValueError: A text holds one.
    """
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        found = ord(error.object[error.start])
        raise ValueError(f"it holds \\u{found:04x}, which is half a character") from None


def _check_levels(value: Any) -> None:
    level = [value]
    for _ in range(MOST_LEVELS):
        level = [
            item
            for node in level
            if isinstance(node, dict | list)
            for item in (node.values() if isinstance(node, dict) else node)
            if isinstance(item, dict | list)
        ]
        if not level:
            return
    raise ValueError(f"it is nested in more than {MOST_LEVELS} levels")


def _whole(text: str) -> int:
    if len(text) > MOST_DIGITS:
        raise ValueError(f"it holds a number of {len(text)} digits, {text[:12]}...")
    return int(text)


def _decimal(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"it holds {text[:24]}, which is too large for a number")
    return number


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"it holds {name}, which is not JSON")


_STRICT = json.JSONDecoder(parse_int=_whole, parse_float=_decimal, parse_constant=_refuse_constant)
_LENIENT = json.JSONDecoder(parse_int=_whole, parse_float=_decimal)
