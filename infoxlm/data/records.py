"""The records of a file of pairs: tables with a header, XTREME's without, JSON lines."""

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

from infoxlm.data.columns import HYPOTHESIS, LABEL, LANGUAGE, PREMISE, find_column
from infoxlm.data.example import shown
from infoxlm.data.table_rows import (
    Row,
    find_delimiter,
    has_opening_quote,
    table_rows,
    written_with_quotes,
)  # fmt: skip
from infoxlm.data.text_file import TextFile
from infoxlm.errors import UserError
from infoxlm.files.json_file import parse_json

_HEADER = "Start the file with the line premise{0}hypothesis{0}label."


@dataclass(frozen=True)
class Columns:
    """Positions of the columns that are read, counted from 0."""

    premise: int
    hypothesis: int
    label: int
    language: int | None = None

    @property
    def last(self) -> int:
        """The last column that is read."""
        return max(self.premise, self.hypothesis, self.label, self.language or 0)


#: `train-en.tsv`, `dev-de.tsv`: what xnli_preprocess of XTREME's utils_preprocess.py writes.
XTREME = Columns(premise=0, hypothesis=1, label=2)

#: `en-de-translated.tsv` of XTREME's translate-train: the English pair, the translated one, label.
XTREME_TRANSLATED = Columns(premise=2, hypothesis=3, label=4)


class Record(NamedTuple):
    """One record of a file, before anything is made of its words.

    Attributes:
        line: The line it begins on.
        label: A word or a number, as it stands there.
    """

    line: int
    premise: str
    hypothesis: str
    label: str | int
    language: str | None


def table_records(file: TextFile, headerless: Columns | None = None) -> Iterator[Record]:
    """Read a table: tab-separated, or a `.csv`.

    Args:
        file: The table.
        headerless: The columns of a file whose first line is data already.

    Raises:
        UserError: A row that cannot be read, naming file and line.
    """
    columns = None
    for number, fields in _rows(file):
        if isinstance(fields, csv.Error):
            raise UserError(
                f"{file}, line {number}: {fields}", 'Mend the line; quotes inside one are "".'
            )
        if columns is None:
            columns = _header_columns(fields)
            if columns is not None:
                width = widest = len(fields)
                continue
            if headerless is None:
                tab, line = ("<TAB>", "\t".join(fields))
                if file.suffix == ".csv":
                    tab, line = ",", ",".join(fields)
                raise UserError(
                    f"{file}, line {number}: {shown(line)} does not name the columns",
                    _HEADER.format(tab),
                )
            columns, width, widest = headerless, headerless.label + 1, len(fields)
        # A delimiter inside a text moves all that follows.
        if not columns.last < len(fields) <= widest:
            raise UserError(
                f"{file}, line {number}: {len(fields)} {_separated(file)} columns instead of "
                f"{width}",
                "Mend the line; where languages are parallel, remove it only in all of them.",
            )
        language = None if columns.language is None else fields[columns.language]
        premise, hypothesis = fields[columns.premise], fields[columns.hypothesis]
        yield Record(number, premise, hypothesis, fields[columns.label], language)


def json_records(file: TextFile) -> Iterator[Record]:
    """Read `xnli.dev.jsonl` and its like: one JSON object a line, the columns as its keys.

    Raises:
        UserError: A line that cannot be read, naming file and line.
    """
    for number, line in file.lines():
        try:
            pair = parse_json(line, lenient=True)
        except ValueError:
            pair = None
        if not isinstance(pair, dict):
            raise UserError(
                f"{file}, line {number}: {shown(line)} is not a JSON object",
                "Write one object a line (in pandas: orient='records', lines=True)."
                if line.lstrip().startswith("[{")
                else "Mend the line or download the file again.",
            )
        values = {key.lower(): value for key, value in pair.items()}
        premise, hypothesis = _first(values, PREMISE, str), _first(values, HYPOTHESIS, str)
        label = _first(values, LABEL, str, int)
        for names, value in ((PREMISE, premise), (HYPOTHESIS, hypothesis), (LABEL, label)):
            if value is None:
                raise UserError(
                    f"{file}, line {number}: {_misfit(pair, names)}",
                    "Mend the line or download the file again.",
                )
        yield Record(number, premise, hypothesis, label, _first(values, LANGUAGE, str))


def is_quoted(file: TextFile) -> bool:
    """Tell whether the quotes around a table's fields were put there by a csv writer."""
    if file.suffix == ".csv":
        return True
    return _is_quoted(file, file.version())


@cache
def _is_quoted(file: TextFile, version: tuple[int, int]) -> bool:
    """Look once a process: fifteen languages may share one file."""
    if not has_opening_quote(file.chunks()):
        return False
    return written_with_quotes(line for _, line in file.decoded())


def _rows(file: TextFile) -> Iterator[Row]:
    """Cut a table into fields; a blank row, unless nothing follows, is refused."""
    quoted = is_quoted(file)
    if not quoted:
        # Refuses blank lines, too.
        yield from ((number, line.split("\t")) for number, line in file.lines())
        return
    delimiter = "\t"
    if file.suffix == ".csv":
        _, header = next(file.decoded(), (1, ""))
        delimiter = find_delimiter(header, (PREMISE, HYPOTHESIS, LABEL)) or ","
    blank, number = 0, 0
    for number, fields in table_rows((line for _, line in file.decoded()), delimiter, quoted=True):
        if fields == [""]:
            blank = blank or number
        elif blank:
            raise UserError(f"{file}, line {blank} is blank", "Remove it.")
        else:
            yield number, fields
    if number == 0 or blank == 1:
        raise UserError(f"{file} is empty", "Copy or download it again.")


def _separated(file: TextFile) -> str:
    return "tab-separated" if file.suffix != ".csv" else "separated"


def _header_columns(names: list[str]) -> Columns | None:
    """Find the columns by their names; None if this line is not a header."""
    found = [find_column(names, choices) for choices in (PREMISE, HYPOTHESIS, LABEL)]
    premise, hypothesis, label = found
    if premise is None or hypothesis is None or label is None:
        return None
    return Columns(premise, hypothesis, label, find_column(names, LANGUAGE))


def _first(values: dict[str, Any], names: tuple[str, ...], *types: type) -> Any:
    """The value under the first of some keys that has one of the types."""
    return next((values[name] for name in names if type(values.get(name)) in types), None)


def _misfit(pair: dict[str, Any], names: tuple[str, ...]) -> str:
    """Say what a record has where a text or a label should be."""
    position = find_column(pair, names)
    if position is None:
        return f"no {names[0]} among the keys {shown(', '.join(pair))}"
    key, value = list(pair.items())[position]
    kind = "a word or a whole number" if names is LABEL else "a text"
    return f"{key} is not {kind}: {shown(json.dumps(value, ensure_ascii=False))}"
