"""The pairs of one language in one file: tables with a header, XTREME's without, JSON lines."""

import hashlib
import json
import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, NamedTuple

from infoxlm.data.example import Example, label_id, shown
from infoxlm.data.text_file import TextFile
from infoxlm.errors import UserError

logger = logging.getLogger(__name__)

#: Names of the columns: the project's own first, then XNLI-MT's, then XNLI's and MultiNLI's.
PREMISE = ("premise", "sentence1")
HYPOTHESIS = ("hypothesis", "hypo", "sentence2")
LABEL = ("label", "gold_label")
LANGUAGE = ("language",)

_HEADER = "Start the file with the line premise<TAB>hypothesis<TAB>label."

#: A field that Python's csv writer has quoted because it holds a quote, as XTREME's script does.
_CSV_QUOTED = re.compile(r'"((?:[^"]|"")*""(?:[^"]|"")*)"')


@dataclass(frozen=True)
class Columns:
    """Which column holds what, counted from 0.

    Attributes:
        quoted: Fields with a quote inside were written by a csv writer, `"` as `""`.
    """

    premise: int
    hypothesis: int
    label: int
    language: int | None = None
    quoted: bool = False

    @property
    def last(self) -> int:
        """The last column that is read."""
        return max(self.premise, self.hypothesis, self.label, self.language or 0)


#: `train-en.tsv`, `dev-de.tsv`: what xnli_preprocess of XTREME's utils_preprocess.py writes.
XTREME = Columns(premise=0, hypothesis=1, label=2, quoted=True)

#: `en-de-translated.tsv` of XTREME's translate-train: the English pair, the translated one, label.
XTREME_TRANSLATED = Columns(premise=2, hypothesis=3, label=4)


class Record(NamedTuple):
    """One line of a file, before anything is made of its words."""

    line: int
    premise: str
    hypothesis: str
    label: str
    language: str | None


@dataclass(frozen=True)
class PairFile:
    """The pairs of one language in one file.

    Attributes:
        file: Tab-separated text, or JSON lines if its name ends in `.jsonl`.
        language: Two letters, one of `LANGUAGES`.
        mixed: The file holds several languages, named in its column `language`.
        headerless: The columns of a file whose first line is data already.
    """

    file: TextFile
    language: str
    mixed: bool = False
    headerless: Columns | None = None

    def examples(self, limit: int | None = None) -> Iterator[Example]:
        """Yield the labelled pairs of the first `limit` rows (all when None), in file order.

        Raises:
            UserError: A line that is not a labelled pair, or no row at all.
        """
        records = self.records()
        if self.mixed:
            records = (record for record in records if record.language == self.language)
        rows = unlabelled = 0
        for row, record in enumerate(islice(records, limit)):
            rows += 1
            label = label_id(record.label, f"{self.file}, line {record.line}")
            if label is None:
                unlabelled += 1
            else:
                yield Example(record.premise, record.hypothesis, label, row)
        if rows == 0 and limit != 0:
            raise UserError(f"{self.file} holds no pair", "Copy or download it again.")
        if unlabelled:
            logger.info("%s: dropped %d rows without a gold label", self.file, unlabelled)

    def records(self) -> Iterator[Record]:
        """Yield every line's fields, of all languages in the file.

        Raises:
            UserError: A line that cannot be read, naming file and line.
        """
        if self.file.suffix == ".jsonl":
            return _json_records(self.file)
        return _table_records(self.file, self.headerless)

    def labelled(self) -> bool:
        """Tell by the first line of a file without a header whether it has the label's column."""
        _, line = next(self.file.lines())
        return self.headerless is None or line.count("\t") >= self.headerless.label

    def fingerprint(self) -> str:
        """Return a digest of the bytes and of what makes pairs of them."""
        reading = (self.language, self.mixed, self.headerless, self.file.suffix)
        return hashlib.sha256(f"{self.file.sha256()} {reading}".encode()).hexdigest()


def _table_records(file: TextFile, headerless: Columns | None) -> Iterator[Record]:
    """Read tab-separated fields. Quotes are text, as XNLI's files hold bare ones."""
    columns = None
    for number, line in file.lines():
        fields = line.split("\t")
        if columns is None:
            columns = _header_columns(fields)
            if columns is not None:
                width = widest = len(fields)
                continue
            if headerless is None:
                raise UserError(
                    f"{file}, line {number}: {shown(line)} does not name the columns", _HEADER
                )
            columns, width, widest = headerless, headerless.label + 1, len(fields)
        # A tab inside a text moves all that follows.
        if not columns.last < len(fields) <= widest:
            raise UserError(
                f"{file}, line {number}: {len(fields)} tab-separated columns instead of {width}",
                "Mend the line; where languages are parallel, remove it only in all of them.",
            )
        premise, hypothesis = fields[columns.premise], fields[columns.hypothesis]
        language = None if columns.language is None else fields[columns.language]
        if columns.quoted:
            premise, hypothesis = _unquoted(premise), _unquoted(hypothesis)
        yield Record(number, premise, hypothesis, fields[columns.label], language)


def _header_columns(names: list[str]) -> Columns | None:
    """Find the columns by their names; None if this line is not a header."""
    names = [name.strip() for name in names]

    def position(choices: tuple[str, ...]) -> int | None:
        return next((names.index(name) for name in choices if name in names), None)

    premise, hypothesis, label = position(PREMISE), position(HYPOTHESIS), position(LABEL)
    if premise is None or hypothesis is None or label is None:
        return None
    return Columns(premise, hypothesis, label, position(LANGUAGE))


def _unquoted(field: str) -> str:
    quoted = _CSV_QUOTED.fullmatch(field)
    return quoted[1].replace('""', '"') if quoted else field


def _json_records(file: TextFile) -> Iterator[Record]:
    """Read `xnli.dev.jsonl` and its like: one JSON object a line, the columns as its keys."""
    for number, line in file.lines():
        try:
            pair = json.loads(line)
        except (ValueError, RecursionError):
            pair = None
        if not isinstance(pair, dict):
            raise UserError(
                f"{file}, line {number}: {shown(line)} is not a JSON object",
                "Mend the line or download the file again.",
            )
        premise, hypothesis = _first(pair, PREMISE), _first(pair, HYPOTHESIS)
        label = _first(pair, LABEL)
        if premise is None or hypothesis is None or label is None:
            raise UserError(
                f"{file}, line {number}: premise, hypothesis or label is not a text under the "
                f"keys {shown(', '.join(pair))}",
                "Mend the line or download the file again.",
            )
        yield Record(number, premise, hypothesis, label, _first(pair, LANGUAGE))


def _first(pair: dict[str, Any], names: tuple[str, ...]) -> str | None:
    return next((pair[name] for name in names if isinstance(pair.get(name), str)), None)
