"""Pairs in Parquet files, as the `datasets` library and the Hugging Face hub keep them."""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from infoxlm.data.columns import HYPOTHESIS, LABEL, PREMISE, find_column
from infoxlm.data.example import Example, shown
from infoxlm.data.label_set import LabelSet, PairRules
from infoxlm.data.pair_file import labelled_examples
from infoxlm.data.records import Record
from infoxlm.data.text_file import TextFile
from infoxlm.errors import UserError
from infoxlm.files.json_file import parse_json
from infoxlm.files.regular_file import check_regular
from infoxlm.schema.checks import is_language_code

if TYPE_CHECKING:
    from pyarrow import DataType, Schema
    from pyarrow.parquet import ParquetFile

#: The ending of such files.
PARQUET = ".parquet"

#: Rows that are in memory at a time.
BATCH = 1000

_AGAIN = "Copy or download it again."


@dataclass(frozen=True)
class ParquetPairs:
    """The pairs of one language in the Parquet files of a split.

    Attributes:
        paths: The shards, in their order.
        language: Its code.
    """

    paths: tuple[Path, ...]
    language: str

    #: Parquet has no quotes.
    quoted = False

    def examples(self, rules: PairRules, limit: int | None = None) -> Iterator[Example]:
        """Yield the labelled pairs of the first `limit` rows (all when None), in file order.

        Args:
            rules: The data set's rules for labels and texts; what the file itself says of its
                numbers comes before what `data.labels` says.
            limit: The number of rows to read; None: all.

        Raises:
            UserError: A file that cannot be read, or a row that is not a labelled pair.
        """
        with open_parquet(self.paths[0]) as file:
            names = label_names(file.schema_arrow, rules.labels)
        if names:
            rules = replace(rules, labels=rules.labels.with_numbers(names))
        name = str(self.paths[0])
        return labelled_examples(self.records(), limit, rules, name, lambda line: f", row {line}")

    def records(self) -> Iterator[Record]:
        """Yield every row.

        Raises:
            UserError: A file that cannot be read, or a row that is not a pair.
        """
        row = 0
        for path in self.paths:
            with open_parquet(path) as file:
                columns = _columns(path, file.schema_arrow)
                if self.language in _fields(file.schema_arrow.field(columns[0]).type):
                    columns[0] += f".{self.language}"  # leaves the other languages on disk
                for values in column_values(file, columns):
                    yield self._record(path, row, *values)
                    row += 1

    def fingerprint(self) -> str:
        """Return a digest of the bytes and of what makes pairs of them."""
        digests = [TextFile(path).sha256() for path in self.paths]
        return hashlib.sha256(f"{digests} {self.language} parquet".encode()).hexdigest()

    def _record(self, path: Path, row: int, premise: Any, hypothesis: Any, label: Any) -> Record:
        premise, hypothesis = (_translation(text, self.language) for text in (premise, hypothesis))
        for name, value in (("premise", premise), ("hypothesis", hypothesis), ("label", label)):
            if type(value) is not str and not (name == "label" and type(value) is int):
                raise UserError(
                    f"{path}, row {row}: {name} in {self.language} is {shown(repr(value))}",
                    "Mend the row: texts are strings, a label is a word or a whole number.",
                )
        return Record(row, premise, hypothesis, label, self.language)


def parquet_languages(path: Path) -> tuple[str, ...]:
    """Return the languages inside a file whose rows hold all translations, as the hub's XNLI has.

    Returns:
        Their codes; empty for a file of one language.

    Raises:
        UserError: The file cannot be read.
    """
    with open_parquet(path) as file:
        premise = file.schema_arrow.field(_columns(path, file.schema_arrow)[0]).type
        return tuple(sorted(filter(is_language_code, _fields(premise))))


def label_names(schema: "Schema", labels: LabelSet) -> tuple[str, ...]:
    """Return the names of a ClassLabel that `datasets` left in a schema's metadata.

    None are returned where they are others than the data set's, such as LABEL_0.
    """
    metadata = (schema.metadata or {}).get(b"huggingface", b"{}")
    try:
        features = parse_json(metadata.decode())["info"]["features"]
        named = next(features[name]["names"] for name in LABEL if name in features)
        return tuple(named) if labels.names(named) else ()
    except (ValueError, KeyError, TypeError, StopIteration):
        return ()


def column_values(file: "ParquetFile", columns: Sequence[str]) -> Iterator[tuple[Any, ...]]:
    """Yield the values of some columns, row by row, in the order of the columns' names given."""
    for batch in file.iter_batches(batch_size=BATCH, columns=list(columns)):
        yield from zip(*(column.to_pylist() for column in batch), strict=True)


def _columns(path: Path, schema: "Schema") -> list[str]:
    """Find premise, hypothesis and label."""
    found = [find_column(schema.names, choices) for choices in (PREMISE, HYPOTHESIS, LABEL)]
    if None in found:
        raise UserError(
            f"{path}: none of its columns {shown(', '.join(schema.names))} is "
            f"{('premise', 'hypothesis', 'label')[found.index(None)]}",
            "Rename them to premise, hypothesis, label.",
        )
    return [schema.names[position] for position in found if position is not None]


def _fields(kind: "DataType") -> list[str]:
    """The names inside a struct; none for another type."""
    return [kind.field(number).name for number in range(kind.num_fields)]


def _translation(text: Any, language: str) -> Any:
    """Take one language out of a dictionary of translations, which `datasets` has in two forms."""
    if not isinstance(text, dict):
        return text
    if isinstance(text.get("language"), list) and isinstance(text.get("translation"), list):
        return dict(zip(text["language"], text["translation"], strict=False)).get(language)
    return text.get(language)


@contextmanager
def open_parquet(path: Path) -> Iterator["ParquetFile"]:
    """Open a file; pyarrow's errors, also while it is read, are put into one line.

    Raises:
        UserError: The file is missing, damaged or none.
    """
    import pyarrow
    from pyarrow.parquet import ParquetFile

    try:
        check_regular(path)
        with ParquetFile(path) as file:
            yield file
    except (pyarrow.ArrowException, OSError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise UserError(f"{path} cannot be read as Parquet: {reason[:200]}", _AGAIN) from error
