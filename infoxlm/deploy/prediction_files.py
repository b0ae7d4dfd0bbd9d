"""Predictions on files: any number of rows in constant memory, in the order of the input."""

import json
import logging
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Protocol

from infoxlm.deploy.chunks import chunks
from infoxlm.deploy.input_rows import InputRow
from infoxlm.errors import UserError
from infoxlm.files.atomic import atomic_file
from infoxlm.reporting.counts import counted
from infoxlm.reporting.streams import holds_all
from infoxlm.tasks.inference import Inference

logger = logging.getLogger(__name__)

#: Bad rows that are reported one by one; the others are counted.
REPORTED = 20


@dataclass
class Tally:
    """Counts of a file's rows: all, bad and truncated.

    Attributes:
        rows: All of them.
        bad: Those that could not be read.
        truncated: Those that were longer than the model's input.
    """

    rows: int = 0
    bad: int = 0
    truncated: int = 0

    def __str__(self) -> str:
        parts = [counted(self.rows, "row")]
        parts += [f"{self.bad:,} of them bad"] if self.bad else []
        parts += [f"{self.truncated:,} cut to the model's length"] if self.truncated else []
        return ", ".join(parts)


class Writer(Protocol):
    """Writes one line for each row."""

    def write(self, row: InputRow, prediction: Any | None) -> None:
        """Write a prediction, or for a bad row its error."""


class JsonLines:
    """One object a line: row, its id if it has one, and the answer's keys; or row and error.

    Args:
        stream: Where to.
        inference: The task's, which knows the keys.
    """

    def __init__(self, stream: IO[str], inference: Inference) -> None:
        self._stream, self._inference = stream, inference
        # Escapes are JSON's own way to say what the encoding of a terminal or a pipe lacks.
        self._escape = not holds_all(getattr(stream, "encoding", None) or "utf-8")

    def write(self, row: InputRow, prediction: Any | None) -> None:
        """Write one line."""
        record: dict[str, object] = {"row": row.row}
        if row.id is not None:
            record["id"] = row.id
        if prediction is None:
            record["error"] = row.error
        else:
            record |= self._inference.record(prediction)
        self._stream.write(json.dumps(record, ensure_ascii=self._escape) + "\n")


class TabSeparated:
    """A table with a header: row, its id if rows have one, the answer's columns, error.

    Args:
        stream: Where to.
        inference: The task's, which knows the columns.
        ids: Whether rows have ids.
    """

    def __init__(self, stream: IO[str], inference: Inference, *, ids: bool) -> None:
        self._stream, self._inference, self._ids = stream, inference, ids
        self._write_line(["row", *(["id"] if ids else []), *inference.columns, "error"])

    def write(self, row: InputRow, prediction: Any | None) -> None:
        """Write one line."""
        start = [str(row.row), *([row.id or ""] if self._ids else [])]
        if prediction is None:
            empty = [""] * len(self._inference.columns)
            self._write_line([*start, *empty, row.error or ""])
            return
        self._write_line([*start, *self._inference.cells(prediction), ""])

    def _write_line(self, fields: Sequence[str]) -> None:
        """Write fields; tabs and line breaks inside become spaces, as there are no quotes."""
        cells = (" ".join(field.splitlines()).replace("\t", " ") for field in fields)
        self._stream.write("\t".join(cells) + "\n")


@contextmanager
def open_writer(
    output: Path | None, inference: Inference, *, ids: bool = False
) -> Iterator[Writer]:
    """Open where predictions go; a file takes its name when the block ends well.

    Args:
        output: A `.jsonl` or `.tsv` file; None: JSON lines on standard output.
        inference: The task's.
        ids: Whether rows have ids.

    Raises:
        UserError: The file cannot be written.
    """
    if output is None:
        yield JsonLines(sys.stdout, inference)
        return
    try:
        with (
            atomic_file(output) as temporary,
            open(temporary, "w", encoding="utf-8", errors="backslashreplace") as stream,
        ):
            yield (
                TabSeparated(stream, inference, ids=ids)
                if output.suffix.lower() == ".tsv"
                else JsonLines(stream, inference)
            )
    except OSError as error:
        raise UserError(
            f"output={output} cannot be written ({error})", "Give another file, or make room."
        ) from error


def check_output(output: Path, source: Path | None, *, overwrite: bool) -> None:
    """Refuse an output before a model is loaded for it.

    Args:
        output: The file to write.
        source: The file that is read.
        overwrite: Replace a file that exists.

    Raises:
        UserError: It has no known ending, exists, is a folder, or is what is read.
    """
    if output.suffix.lower() not in (".jsonl", ".tsv"):
        raise UserError(f"output={output} is neither .jsonl nor .tsv", "Choose one of them.")
    if output.is_dir():
        raise UserError(f"output={output} is a folder", "Give a file in it.")
    if source is not None and source.exists() and output.exists() and output.samefile(source):
        raise UserError(f"output={output} is the input", "Give another file.")
    if output.exists() and not overwrite:
        raise UserError(
            f"output={output} exists", "Choose another, or set overwrite=true to replace it."
        )


def predict_rows(
    rows: Iterator[InputRow],
    answer: Callable[[list[tuple[str, ...]]], list[Any]],
    writer: Writer,
    *,
    name: str,
    chunk: int,
    stop_on_error: bool,
) -> Tally:
    """Predict on rows as they come, some thousands at a time, and write each result.

    Args:
        rows: The rows.
        answer: Makes a prediction of each row's texts.
        writer: Where the results go, one for each row, in order.
        name: What the rows come from, for messages.
        chunk: Most rows that are in memory at a time.
        stop_on_error: End at the first bad row.

    Raises:
        UserError: A row is bad, and that was to be the end.
    """
    tally = Tally()
    for read in chunks(rows, chunk, lambda row: row.texts):
        good = []
        for row in read:
            if row.error is None:
                good.append(row.texts)
                continue
            if stop_on_error:
                raise UserError(
                    f"{name}, row {row.row}: {row.error}", "Mend it, or set on_error=skip."
                )
            tally.bad += 1
            if tally.bad <= REPORTED:
                logger.warning("%s, row %d: %s", name, row.row, row.error)
            elif tally.bad == REPORTED + 1:
                logger.warning("more bad rows are only counted")
        predictions = iter(answer(good))
        for row in read:
            prediction = None if row.error else next(predictions)
            writer.write(row, prediction)
            tally.truncated += prediction is not None and prediction.truncated
        tally.rows += len(read)
    return tally
