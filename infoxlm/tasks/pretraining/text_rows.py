"""Texts of a corpus: rows of one text, or of a text and its translation."""

import csv
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest
from typing import NamedTuple, Protocol

from infoxlm.data.records import is_quoted
from infoxlm.data.table_rows import table_rows
from infoxlm.data.text_file import TextFile
from infoxlm.errors import UserError


class Row(NamedTuple):
    """One row of a file.

    Attributes:
        number: Its number, 0 being the first that holds text.
        line: Its line, 1 being the first.
        texts: The text, or the text and its translation; empty where there is none.
    """

    number: int
    line: int
    texts: tuple[str, ...]


class TextRows(Protocol):
    """Rows of texts in one file, or in two that are read side by side."""

    @property
    def files(self) -> tuple[TextFile, ...]:
        """The files."""

    def rows(self) -> Iterator[Row]:
        """Yield every row, in the order of the file.

        Raises:
            UserError: A file cannot be read, or a line of it.
        """

    def fingerprint(self) -> str:
        """Return a digest of the bytes and of what makes rows of them."""


@dataclass(frozen=True)
class Lines:
    """A text a line; of two files, each line next to the other file's line of that number.

    Attributes:
        files: The file, or the file and its translation.
    """

    files: tuple[TextFile, ...]

    def __str__(self) -> str:
        return str(self.files[0])

    def rows(self) -> Iterator[Row]:
        """Yield every line.

        Raises:
            UserError: A file cannot be read, or two have not the same number of lines.
        """
        streams = [file.decoded() for file in self.files]
        line = 0
        for line, found in enumerate(zip_longest(*streams), start=1):
            if None in found:
                # The longer one's rest is counted, to tell both numbers.
                counts = [line - 1 + (x is not None) for x in found]
                counts = [n + sum(1 for _ in x) for n, x in zip(counts, streams, strict=True)]
                told = ", ".join(f"{f} has {n:,}" for f, n in zip(self.files, counts, strict=True))
                raise UserError(
                    f"lines that should be translations of each other are not as many: {told}",
                    "Line n of one file must translate line n of the other.",
                )
            yield Row(line - 1, line, tuple(text.strip() for _, text in found))

    def fingerprint(self) -> str:
        """Return a digest of the bytes."""
        return _digest("lines", *(file.sha256() for file in self.files))


@dataclass(frozen=True)
class Columns:
    """One or both columns of a table of two, between tabs.

    Quotes in it are text, unless a csv writer put them around its fields.

    Attributes:
        file: The table.
        columns: The columns to read, in the order wanted; 0 is the first.
        header: Whether the first line names the columns.
    """

    file: TextFile
    columns: tuple[int, ...]
    header: bool

    def __str__(self) -> str:
        return str(self.file)

    @property
    def files(self) -> tuple[TextFile, ...]:
        """The file."""
        return (self.file,)

    def rows(self) -> Iterator[Row]:
        """Yield every row; one without a tab lacks the second text.

        Raises:
            UserError: The file cannot be read, or a row has more than two columns.
        """
        lines = (line for _, line in self.file.decoded())
        table = table_rows(lines, "\t", quoted=is_quoted(self.file))
        for number, (line, fields) in enumerate(table, start=-int(self.header)):
            if number < 0:
                continue
            if isinstance(fields, csv.Error):
                raise UserError(
                    f"{self.file}, line {line}: {fields}", 'Mend the line; quotes inside are "".'
                )
            if len(fields) > 2:
                raise UserError(
                    f"{self.file}, line {line} has {len(fields)} columns",
                    "Each line must be a text, a tab, and its translation.",
                )
            texts = [" ".join(field.split("\n")).strip() for field in [*fields, ""][:2]]
            yield Row(number, line, tuple(texts[x] for x in self.columns))

    def fingerprint(self) -> str:
        """Return a digest of the bytes, and of what makes rows of them."""
        quoted = is_quoted(self.file)
        return _digest("columns", self.file.sha256(), self.columns, self.header, quoted)


def _digest(*parts: object) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()
