"""Encodes the texts of a corpus into arrays on disk, some thousand rows at a time."""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from infoxlm.constants import EOS_ID, UNK_ID
from infoxlm.errors import UserError
from infoxlm.files.array_file import ArrayWriter
from infoxlm.tasks.pretraining.text_rows import Row, TextRows
from infoxlm.tokenization.token_ids import TokenIds, offsets_from, ranges
from infoxlm.tokenization.tokenizer import InfoXLMTokenizer
from infoxlm.tracking.progress import progress

#: The arrays of a store, and the types of their elements.
ARRAYS: dict[str, type[np.generic]] = {
    "ids": np.int32,
    "offsets": np.int64,
    "texts": np.int64,
    "rows": np.int32,
    "vocabulary": np.int32,
}

#: Rows and characters that are in memory at a time.
MOST_ROWS, MOST_CHARACTERS = 5_000, 500_000


@dataclass
class Kept:
    """Rows of one file.

    Attributes:
        rows: Those that were kept.
        empty: Those left out because a text is empty, or nothing the tokenizer knows.
        repeated: Those left out because they repeat the line before.
    """

    rows: int = 0
    empty: int = 0
    repeated: int = 0


def write_store(
    folder: Path,
    language: str,
    sources: Sequence[TextRows],
    tokenizer: InfoXLMTokenizer,
    *,
    refuse_faulty: bool,
) -> dict[str, Any]:
    """Fill an empty folder with the arrays of a store.

    Args:
        folder: The folder.
        language: For the progress bar.
        sources: The files, each row of them of as many texts.
        tokenizer: The tokenizer.
        refuse_faulty: Refuse rows with an empty text instead of leaving them out.

    Returns:
        ``width``, the texts of a row, and ``kept``, the rows of each file.

    Raises:
        UserError: A file is at fault.
    """
    kept = [Kept() for _ in sources]
    width = 1
    with ExitStack() as stack:
        bar = stack.enter_context(progress(label=f"tokenizing {language}", unit=" rows", delay=2))
        arrays = _Arrays(folder, tokenizer.vocab_size, stack)
        for source, counts in zip(sources, kept, strict=True):
            for chunk in _chunks(_filled(source, counts, refuse_faulty)):
                width = len(chunk[0].texts)
                known, sentences = _encode(chunk, tokenizer)
                if refuse_faulty and len(known) < len(chunk):
                    first = next(n for n in range(len(chunk)) if n not in known)
                    raise _faulty(source, chunk[first])
                counts.rows += len(known)
                counts.empty += len(chunk) - len(known)
                arrays.append([chunk[number] for number in known], sentences)
                bar.update(len(chunk))
        arrays.finish()
    return {"width": width, "kept": [asdict(counts) for counts in kept]}


class _Arrays:
    """The arrays of a store, growing on disk.

    Args:
        folder: An empty folder.
        vocab_size: The number of the tokenizer's ids.
        stack: Closes the files.
    """

    def __init__(self, folder: Path, vocab_size: int, stack: ExitStack) -> None:
        self._out = {
            name: stack.enter_context(ArrayWriter(folder / f"{name}.npy", dtype))
            for name, dtype in ARRAYS.items()
        }
        self._out["offsets"].write(np.zeros(1, np.int64))
        self._in_use = np.zeros(vocab_size, bool)
        self._in_use[EOS_ID] = True

    def append(self, rows: Sequence[Row], sentences: TokenIds) -> None:
        """Append rows and their sentences."""
        self._out["offsets"].write(sentences.offsets[1:] + self._out["ids"].length)
        self._out["ids"].write(sentences.ids)
        self._out["texts"].write(_hashes(text for row in rows for text in row.texts))
        self._out["rows"].write(np.array([row.number for row in rows], np.int32))
        self._in_use[sentences.ids] = True

    def finish(self) -> None:
        """Write the ids that occurred."""
        self._out["vocabulary"].write(np.flatnonzero(self._in_use))


def _filled(source: TextRows, counts: Kept, refuse_faulty: bool) -> Iterator[Row]:
    """Leave out rows with an empty text, and single texts that repeat the one before; count them.

    Raises:
        UserError: A text is empty, and that is refused.
    """
    before = None
    for row in source.rows():
        if not all(row.texts):
            if refuse_faulty:
                raise _faulty(source, row)
            counts.empty += 1
        elif len(row.texts) == 1 and row.texts == before:
            counts.repeated += 1
        else:
            yield row
        before = row.texts


def _faulty(source: TextRows, row: Row) -> UserError:
    what = "is empty" if len(row.texts) == 1 else "lacks a text on one side"
    return UserError(
        f"{source}, line {row.line} {what}",
        "Mend it, or leave such lines out with data.faulty=drop.",
    )


def _chunks(rows: Iterator[Row]) -> Iterator[list[Row]]:
    """Cut rows into lists of bounded size."""
    chunk: list[Row] = []
    characters = 0
    for row in rows:
        chunk.append(row)
        characters += sum(map(len, row.texts))
        if len(chunk) >= MOST_ROWS or characters >= MOST_CHARACTERS:
            yield chunk
            chunk, characters = [], 0
    if chunk:
        yield chunk


def _encode(chunk: Sequence[Row], tokenizer: InfoXLMTokenizer) -> tuple[list[int], TokenIds]:
    """Encode rows: the numbers of those that hold something known, and their sentences.

    A text can vanish in the tokenizer's normalisation, or be all unknown.
    """
    width = len(chunk[0].texts)
    pieces = tokenizer.pieces([text for row in chunk for text in row.texts])
    known_before = offsets_from(pieces.ids > UNK_ID)[pieces.offsets]
    known = (np.diff(known_before) > 0).reshape(-1, width).all(axis=1)
    sentences = np.flatnonzero(np.repeat(known, width))
    lengths = pieces.lengths[sentences]
    closed = np.full(lengths.sum() + len(lengths), EOS_ID, np.int32)
    offsets = offsets_from(lengths + 1)
    closed[ranges(offsets[:-1], lengths)] = pieces.ids[ranges(pieces.offsets[sentences], lengths)]
    return np.flatnonzero(known).tolist(), TokenIds(closed, offsets)


def _hashes(texts: Iterator[str]) -> np.ndarray:
    """A hash of each text, int64."""
    digests = (hashlib.blake2b(text.encode(), digest_size=8).digest() for text in texts)
    return np.frombuffer(b"".join(digests), np.int64)
