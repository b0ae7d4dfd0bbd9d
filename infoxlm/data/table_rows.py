"""Rows of a table: fields between tabs or commas, bare or as a csv writer quotes them."""

import csv
from collections.abc import Iterable, Iterator

from infoxlm.data.columns import find_column

#: The line that a row begins on, and its fields or why there are none.
Row = tuple[int, list[str] | csv.Error]

#: Delimiters of a `.csv`; a comma is a decimal point where Excel writes `;`.
CSV_DELIMITERS = (",", ";", "\t")

#: A character that no decoded text holds.
_STAND_IN = "\ud800"


def table_rows(lines: Iterable[str], delimiter: str, *, quoted: bool) -> Iterator[Row]:
    """Cut lines into fields; a blank line has one empty field.

    Args:
        lines: The lines with their line ends.
        delimiter: The character between fields.
        quoted: Quotes around a field belong to the table and may hold delimiters and line breaks;
            else they are text.
    """
    if not quoted:
        yield from enumerate((line.rstrip("\r\n").split(delimiter) for line in lines), start=1)
        return
    # pandas leaves a carriage return bare, which Python's reader refuses.
    reader = csv.reader(map(_hide_returns, lines), delimiter=delimiter, strict=True)
    while True:
        begun = reader.line_num + 1
        try:
            fields = next(reader)
        except csv.Error as error:  # the reader takes up again behind it
            yield begun, error
        except StopIteration:
            return
        else:
            yield begun, [field.replace(_STAND_IN, "\r") for field in fields] or [""]


def has_opening_quote(chunks: Iterable[bytes]) -> bool:
    """Tell quickly whether any field of a tab-separated table begins with a quote.

    Args:
        chunks: The file's bytes, piece by piece.
    """
    before = b"\n"
    for chunk in chunks:
        if any(opening in before + chunk for opening in (b'\t"', b'\n"')):
            return True
        before = chunk[-1:]
    return False


def written_with_quotes(lines: Iterable[str]) -> bool:
    """Tell whether a csv writer quoted the fields of a tab-separated table, by all of its lines.

    Such a writer (pandas, Python's csv) puts a field that holds a quote, a tab or a line break
    between quotes, and doubles the quotes inside. MultiNLI and XNLI have bare quotes instead, also
    at both ends of a text. So two things have to hold: that every field which begins with a quote
    can be read as a writer's; and that some cannot be a text's, because quotes are doubled inside
    others, or surround every field of the first line, or because only so all rows have one width.

    Args:
        lines: The lines with their line ends.
    """
    proven = uneven = False
    tabs = 0

    def watched() -> Iterator[str]:
        nonlocal proven, uneven, tabs
        for number, line in enumerate(lines):
            tabs = tabs if number else line.count("\t")
            if not proven and '"' in line:
                fields = line.rstrip("\r\n").split("\t")
                quoted = [field[1:-1] for field in fields if _in_quotes(field)]
                everywhere = number == 0 and len(quoted) == len(fields)
                proven = everywhere or any('""' in field for field in quoted)
                uneven |= len(fields) - 1 != tabs
            yield line

    widths = set()
    for _, fields in table_rows(watched(), "\t", quoted=True):
        if isinstance(fields, csv.Error):
            return False
        if fields != [""]:
            widths.add(len(fields))
    return proven or (uneven and len(widths) == 1)


def find_delimiter(header: str, wanted: Iterable[Iterable[str]]) -> str | None:
    """Find the delimiter of a `.csv` by its header, the one under which it names all columns.

    Args:
        header: The first line.
        wanted: The names of each column, any of which will do.
    """
    choices = list(wanted)
    for delimiter in CSV_DELIMITERS:
        _, names = next(table_rows([header], delimiter, quoted=True), (1, []))
        if isinstance(names, list) and all(
            find_column(names, column) is not None for column in choices
        ):
            return delimiter
    return None


def _in_quotes(field: str) -> bool:
    return len(field) > 1 and field[0] == field[-1] == '"'


def _hide_returns(line: str) -> str:
    """Put something else in the place of carriage returns before the end of a line."""
    if "\r" not in line:
        return line
    text = line.rstrip("\r\n")
    return text.replace("\r", _STAND_IN) + line[len(text) :]
