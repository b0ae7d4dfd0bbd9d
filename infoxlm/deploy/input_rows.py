"""Texts to predict on, row by row out of a TSV, CSV, JSONL or Parquet file, checked."""

import csv
import json
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from infoxlm.data.columns import find_column
from infoxlm.data.example import shown
from infoxlm.data.parquet_file import PARQUET, column_values, open_parquet
from infoxlm.data.table_rows import (
    find_delimiter,
    has_opening_quote,
    table_rows,
    written_with_quotes,
)  # fmt: skip
from infoxlm.data.text_encoding import START, check_encoding, holds_all_characters
from infoxlm.errors import UserError
from infoxlm.files.json_file import parse_json
from infoxlm.files.regular_file import open_regular

logger = logging.getLogger(__name__)

#: The names that each text's column may have, the usual one first.
Columns = Sequence[Sequence[str]]


class InputRow(NamedTuple):
    """One row of a file.

    Attributes:
        row: Its number, 0 for the first; a header does not count.
        texts: As many as were asked for; empty if the row is bad.
        error: What is wrong with it and on which line; None if nothing is.
        id: Its name in a file of a task's own form; None in a table.
    """

    row: int
    texts: tuple[str, ...]
    error: str | None = None
    id: str | None = None


#: Lines' numbers and what is on them: fields, text, or an error; None for a blank one.
_Records = Iterator[tuple[int, Any]]


class _RowError(Exception):
    """A fault of an input row."""


def read_rows(path: Path, columns: Columns) -> Iterator[InputRow]:
    """Yield the rows of a file, one at a time.

    `.tsv`: a header, tab-separated; quotes are text, unless a csv writer put them there. `.csv`: a
    header, fields may be quoted with `"` and then hold commas and line breaks; a semicolon may take
    the comma's place. `.jsonl` or `.json`: one object a line. All in UTF-8; or `.parquet`. A row
    that cannot be read is yielded with its error; blank lines at the end are left out.

    Args:
        path: The file.
        columns: The names of each text's column or key, any of which will do.

    Raises:
        UserError: The file cannot be read, has no known ending, is in another encoding, or its
            header lacks a column.
    """
    readers = {
        ".tsv": _tsv_rows, ".csv": _csv_rows, ".jsonl": _jsonl_rows, ".json": _jsonl_rows,
        PARQUET: _parquet_rows,
    }  # fmt: skip
    suffix = path.suffix.lower()
    if suffix not in readers:
        raise UserError(
            f"input={path} is none of .tsv, .csv, .jsonl, .parquet", "Rename or convert it."
        )
    try:
        with open_regular(path) as stream:
            if suffix != PARQUET:
                check_encoding(stream.read(START), f"input={path}")
        yield from warned_of_empty(readers[suffix](path, columns), path, columns)
    except OSError as error:
        raise UserError(
            f"input={path} cannot be read: {error.strerror or error}", "Check the path."
        ) from error


def count_lines(path: Path) -> int:
    """Count the line feeds of a text file, for a progress bar; 0 where there are none to count."""
    if path.suffix.lower() == PARQUET:
        return 0
    try:
        with open_regular(path) as stream:
            return sum(chunk.count(b"\n") for chunk in iter(lambda: stream.read(1 << 20), b""))
    except OSError:
        return 0


def warned_of_empty(rows: Iterable[InputRow], path: Path, columns: Columns) -> Iterator[InputRow]:
    """Pass rows on, and warn of the first text that is empty, as pandas writes a missing value.

    Args:
        rows: The rows of a file; those with an empty text are predicted on.
        path: The file, for the warning.
        columns: The names of each text's column; the first of them is told.
    """
    warned = False
    for row in rows:
        if not warned and row.error is None and not all(map(str.strip, row.texts)):
            warned = True
            (name, *_), *_ = (
                choices
                for choices, text in zip(columns, row.texts, strict=True)
                if not text.strip()
            )
            logger.warning(
                "%s, row %d: %s is empty; it is predicted on as it is, and so are others behind "
                "it. Leave such rows out where a value is missing.", path, row.row, name
            )  # fmt: skip
        yield row


def _text_lines(path: Path) -> Iterator[str]:
    """Decode lines, bytes that are not UTF-8 as lone surrogates; only a line feed ends a line."""
    with open_regular(path) as stream:
        for number, raw in enumerate(stream):
            line = raw.decode("utf-8", "surrogateescape")
            yield line.removeprefix("\ufeff") if number == 0 else line


def _tsv_rows(path: Path, columns: Columns) -> Iterator[InputRow]:
    with open_regular(path) as stream:
        quoted = has_opening_quote(iter(lambda: stream.read(1 << 20), b""))
    quoted = quoted and written_with_quotes(_text_lines(path))
    if quoted:
        logger.info("%s: a csv writer put fields in quotes; they are read without", path)
    return _table_rows(table_rows(_text_lines(path), "\t", quoted=quoted), path, columns)


def _csv_rows(path: Path, columns: Columns) -> Iterator[InputRow]:
    delimiter = find_delimiter(next(_text_lines(path), ""), columns) or ","
    return _table_rows(table_rows(_text_lines(path), delimiter, quoted=True), path, columns)


def _table_rows(records: _Records, path: Path, columns: Columns) -> Iterator[InputRow]:
    """Make rows of the fields of lines, the first of which names the columns."""
    _, header = next(records, (0, []))
    names = [name.strip() for name in header] if isinstance(header, list) else []
    remedy = f"Put a line that does before the others; {path.suffix} needs a header."
    positions = _positions(names, columns, f"input={path}, line 1", remedy)

    def texts(fields: list[str] | csv.Error) -> list[str]:
        if isinstance(fields, csv.Error):
            raise _RowError(str(fields))
        if len(fields) != len(names):
            raise _RowError(f"{len(fields)} columns instead of {len(names)}")
        return [_utf8(fields[position]) for position in positions]

    return _rows(((line, None if each == [""] else each) for line, each in records), texts)


def _positions(names: Sequence[str], columns: Columns, where: str, remedy: str) -> list[int]:
    """Find the columns of the texts.

    Raises:
        UserError: One is missing.
    """
    found = [find_column(names, choices) for choices in columns]
    if None in found:
        wanted = " and ".join(choices[0] for choices in columns)
        raise UserError(
            f"{where}: {shown(', '.join(names))} does not name the columns {wanted}", remedy
        )
    return [position for position in found if position is not None]


def _parquet_rows(path: Path, columns: Columns) -> Iterator[InputRow]:
    with open_parquet(path) as file:
        names = file.schema_arrow.names
        positions = _positions(names, columns, f"input={path}", "Rename the columns.")
        wanted = [names[position] for position in positions]
        for number, texts in enumerate(column_values(file, wanted)):
            wrong = next((at for at, text in enumerate(texts) if not isinstance(text, str)), None)
            if wrong is None:
                yield InputRow(number, texts)
            else:
                error = f"{wanted[wrong]} is not a string: {shown(repr(texts[wrong]))}"
                yield InputRow(number, (), error)


def _jsonl_rows(path: Path, columns: Columns) -> Iterator[InputRow]:
    def texts(line: str) -> list[str]:
        try:
            record = parse_json(_utf8(line), lenient=True)
        except ValueError as error:
            raise _RowError(f"not JSON: {error}") from error
        if not isinstance(record, dict):
            raise _RowError(f"{shown(line.strip())} is not a JSON object")
        return [_text_of(record, choices) for choices in columns]

    stripped = (line.strip() for line in _text_lines(path))
    return _rows(enumerate((line or None for line in stripped), start=1), texts)


def _text_of(record: dict[str, Any], choices: Sequence[str]) -> str:
    """The text under the first of some keys that is there."""
    keys = list(record)
    position = find_column(keys, choices)
    if position is None:
        raise _RowError(f"no {choices[0]} among the keys {shown(', '.join(keys))}")
    key = keys[position]
    if not isinstance(record[key], str):
        raise _RowError(f"{key} is not a string: {shown(json.dumps(record[key]))}")
    if not holds_all_characters(record[key]):  # JSON can escape one; the tokenizer would drop it
        raise _RowError(f"{key} holds half a character: {shown(json.dumps(record[key]))}")
    return record[key]


def _utf8(text: str) -> str:
    """Refuse what could not be decoded."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise _RowError(f"byte 0x{ord(text[error.start]) & 0xFF:02x} is not UTF-8") from error
    return text


def _rows(records: _Records, texts: Callable[[Any], list[str]]) -> Iterator[InputRow]:
    """Number rows. A blank line is a bad one, unless nothing follows but blank lines.

    Args:
        records: The line and contents of each row.
        texts: Makes its texts of the contents, or raises what is wrong.
    """
    row = 0
    blank: list[int] = []
    for line, record in records:
        if record is None:
            blank.append(line)
            continue
        for skipped in blank:
            yield InputRow(row, (), f"line {skipped}: blank")
            row += 1
        blank.clear()
        try:
            found = InputRow(row, tuple(texts(record)))
        except _RowError as error:
            found = InputRow(row, (), f"line {line}: {error}")
        yield found
        row += 1
