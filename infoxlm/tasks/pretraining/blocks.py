"""Blocks of running text: where they begin and end in a store, without copies of the tokens.

A block holds as many sentences as fit, in their order; a sentence longer than a block is cut, and
the next block begins with its rest. (fairseq, which InfoXLM was trained with, cuts the rest off.)
No block reaches over a sentence that is left out of training.
"""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from infoxlm.errors import UserError
from infoxlm.files.array_file import ArrayWriter, MappedArray
from infoxlm.files.cache import cached_folder
from infoxlm.files.json_file import read_json_object
from infoxlm.files.manifest import MANIFEST, sha256_of
from infoxlm.tasks.pretraining.token_store import TokenStore

#: Raised when blocks are cut otherwise; older folders are then left alone.
FORMAT_VERSION = 1

_FILE = "blocks.npy"

#: Blocks that are in memory at a time.
_CHUNK = 10_000


def open_blocks(
    store: TokenStore, removed: np.ndarray, max_length: int, cache_dir: Path
) -> MappedArray:
    """Map the bounds of a store's blocks from the cache, or compute them first.

    Args:
        store: A language's sentences.
        removed: Those that are left out, sorted, int64.
        max_length: Most tokens of a block, `<s>` included.
        cache_dir: The cache's folder.

    Returns:
        First tokens of blocks and the tokens behind their last, int64 ``[n, 2]``.

    Raises:
        UserError: The cache cannot be written.
    """
    fingerprint = {
        "store": store.folder.name,
        "removed": hashlib.sha256(removed.tobytes()).hexdigest(),
        "max_length": max_length,
        "format": FORMAT_VERSION,
        "kind": "blocks",
    }
    key = hashlib.sha256(json.dumps(fingerprint, sort_keys=True).encode()).hexdigest()

    def read(folder: Path) -> MappedArray | None:
        if sha256_of(folder / _FILE) != read_json_object(folder / MANIFEST).get("sha256"):
            raise ValueError(f"the checksum of {_FILE} is wrong")
        return MappedArray(folder / _FILE)

    def write(folder: Path, _: MappedArray | None) -> None:
        with ArrayWriter(folder / _FILE, np.int64, width=2) as file:
            chunk: list[tuple[int, int]] = []
            for block in cut_blocks(_sentences(store, removed), max_length - 1):
                chunk.append(block)
                if len(chunk) == _CHUNK:
                    file.write(np.array(chunk))
                    chunk = []
            file.write(np.array(chunk, np.int64).reshape(-1, 2))
        manifest = {**fingerprint, "sha256": sha256_of(folder / _FILE)}
        (folder / MANIFEST).write_text(json.dumps(manifest, indent=2), encoding="utf-8")

    blocks = cached_folder(cache_dir / key, read, make=lambda: None, write=write)
    if blocks is None:
        raise UserError(f"the cache {cache_dir} lost what was written", "Check the disk.")
    return blocks


def cut_blocks(sentences: Iterator[tuple[int, int]], most: int) -> Iterator[tuple[int, int]]:
    """Put sentences together that follow each other, and cut those that are too long.

    Args:
        sentences: The first token of each and the token behind its last, which is ``</s>``.
        most: Most tokens of a block.

    Yields:
        The same of blocks.
    """
    start = end = 0
    for first, last in sentences:
        if start < end and (first != end or last - start > most):
            yield start, end
            start = end
        if start == end:
            start = first
            while last - start > most:
                yield start, start + most
                start += most
            if last - start == 1:  # only </s> is left
                start = last
        end = last
    if start < end:
        yield start, end


def _sentences(store: TokenStore, removed: np.ndarray) -> Iterator[tuple[int, int]]:
    """The bounds of a store's sentences that are not left out."""
    left_out = set(removed.tolist())
    before, number = None, 0
    for chunk in store.arrays["offsets"].chunks():
        for offset in chunk.tolist():
            if before is not None:
                if number not in left_out:
                    yield before, offset
                number += 1
            before = offset
