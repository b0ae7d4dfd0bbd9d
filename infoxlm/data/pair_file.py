"""The pairs of one language in one text file: a table or JSON lines."""

import hashlib
import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Protocol

from infoxlm.data.example import Example
from infoxlm.data.label_set import PairRules
from infoxlm.data.records import Columns, Record, is_quoted, json_records, table_records
from infoxlm.data.text_file import TextFile
from infoxlm.errors import UserError
from infoxlm.reporting.counts import counted

logger = logging.getLogger(__name__)

#: Endings of tables and of JSON lines.
TABLES = (".tsv", ".csv")
JSON_LINES = (".jsonl", ".json")


class Pairs(Protocol):
    """The pairs of one language and split, in whatever files."""

    @property
    def paths(self) -> tuple[Path, ...]:
        """The files on disk."""

    @property
    def quoted(self) -> bool:
        """Whether fields are read without the quotes that a csv writer put around them."""

    def examples(self, rules: PairRules, limit: int | None = None) -> Iterator[Example]:
        """Yield the labelled pairs of the first `limit` rows (all when None), in file order.

        Args:
            rules: The data set's rules for labels and texts.
            limit: The number of rows to read; None: all.

        Raises:
            UserError: A row that is not a labelled pair, or no row at all.
        """

    def fingerprint(self) -> str:
        """Return a digest of the bytes and of what makes pairs of them."""


@dataclass(frozen=True)
class PairFile:
    """The pairs of one language in one text file.

    Attributes:
        file: JSON lines if its name ends in `.jsonl` or `.json`; else a table, between tabs unless
            it ends in `.csv`.
        language: Its code.
        mixed: The file holds several languages, named in its column `language`.
        headerless: The columns of a table whose first line is data already.
    """

    file: TextFile
    language: str
    mixed: bool = False
    headerless: Columns | None = None

    @property
    def paths(self) -> tuple[Path, ...]:
        """The file on disk, which may be a zip."""
        return (self.file.path,)

    @property
    def quoted(self) -> bool:
        """Whether a tab-separated table is read without quotes that a csv writer put there."""
        return self.file.suffix not in (".csv", *JSON_LINES) and is_quoted(self.file)

    def examples(self, rules: PairRules, limit: int | None = None) -> Iterator[Example]:
        """Yield the labelled pairs of the first `limit` rows (all when None), in file order.

        Args:
            rules: The data set's rules for labels and texts.
            limit: The number of rows to read; None: all.

        Raises:
            UserError: A line that is not a labelled pair, or no row at all.
        """
        records = self.records()
        if self.mixed:
            records = (record for record in records if record.language == self.language)
        return labelled_examples(
            records, limit, rules, str(self.file), lambda line: f", line {line}"
        )

    def records(self) -> Iterator[Record]:
        """Yield every record, of all languages in the file.

        Raises:
            UserError: A line that cannot be read, naming file and line.
        """
        if self.file.suffix in JSON_LINES:
            return json_records(self.file)
        return table_records(self.file, self.headerless)

    def labelled(self) -> bool:
        """Tell by the first line of a file without a header whether it has the label's column."""
        _, line = next(self.file.lines())
        return self.headerless is None or line.count("\t") >= self.headerless.label

    def fingerprint(self) -> str:
        """Return a digest of the bytes and of what makes pairs of them."""
        reading = (self.language, self.mixed, self.headerless, self.file.suffix)
        quoted = " quoted" if self.quoted else ""
        return hashlib.sha256(f"{self.file.sha256()} {reading}{quoted}".encode()).hexdigest()


def labelled_examples(
    records: Iterable[Record],
    limit: int | None,
    rules: PairRules,
    name: str,
    place: Callable[[int], str],
) -> Iterator[Example]:
    """Make examples of records; those that are no labelled pair are counted and left out.

    A side that is empty is used as it is, with a warning, unless the data set's rules say that it
    makes no pair: a missing value of pandas looks like this.

    Args:
        records: All of one language, in their order.
        limit: The number of records to take; None: all.
        rules: The data set's rules for labels and texts.
        name: The file, for messages.
        place: Makes of a record's `line` the text behind the file's name in messages.

    Raises:
        UserError: There is no record, or a label is unknown.
    """
    rows = unlabelled = untranslated = empty = 0
    for row, record in enumerate(islice(records, limit)):
        rows += 1
        if any(x.strip() in rules.untranslated for x in (record.premise, record.hypothesis)):
            untranslated += 1
            continue
        label = rules.labels.index(record.label, f"{name}{place(record.line)}")
        if label is None:
            unlabelled += 1
        else:
            empty += not (record.premise.strip() and record.hypothesis.strip())
            yield Example(record.premise, record.hypothesis, label, row)
    if rows == 0 and limit != 0:
        raise UserError(f"{name} holds no pair", "Copy or download it again.")
    if unlabelled:
        logger.info("%s: dropped %s without a gold label", name, counted(unlabelled, "row"))
    if untranslated:
        kinds = " or ".join(text or "empty" for text in rules.untranslated)
        dropped = counted(untranslated, "row")
        logger.info("%s: dropped %s without a text (%s)", name, dropped, kinds)
    if empty:
        logger.warning(
            "%s: rows with an empty text, used as they are: %d. Leave them out if it is missing.",
            name, empty
        )  # fmt: skip
