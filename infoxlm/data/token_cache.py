"""Each data set is tokenized once; later runs map the arrays from disk."""

import hashlib
import json
import logging
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import sentencepiece
from filelock import FileLock
from tqdm import tqdm

from infoxlm.errors import UserError
from infoxlm.files.json_file import read_json_object
from infoxlm.files.manifest import MANIFEST, sha256_of
from infoxlm.tokenization.token_ids import TokenIds
from infoxlm.tokenization.tokenizer import InfoXLMTokenizer

if TYPE_CHECKING:
    from infoxlm.data.source import DataSource

logger = logging.getLogger(__name__)

#: Raised when the files or what they mean change; older folders are then left alone.
FORMAT_VERSION = 1

#: Pairs whose texts are in memory at a time.
CHUNK = 20_000


@dataclass(frozen=True, eq=False)
class EncodedExamples:
    """The examples of one language and split as numbers.

    Attributes:
        token_ids: `n` encoded pairs.
        labels: int64 `[n]`, indices into `LABELS`.
        rows: int64 `[n]`, row numbers in the source's file, 0 being the first data row.
        language: One of `LANGUAGES`.
    """

    token_ids: TokenIds
    labels: np.ndarray
    rows: np.ndarray
    language: str


def load_or_encode(
    source: "DataSource",
    split: str,
    language: str,
    tokenizer: InfoXLMTokenizer,
    *,
    max_length: int,
    limit: int | None,
    cache_dir: Path,
) -> EncodedExamples:
    """Read encoded examples from the cache, or encode the source and fill the cache.

    A folder of the cache is named by a hash of everything that decides its content, so it never
    goes stale. Its arrays are checked against their sha256, and made anew when they differ.
    Processes that want the same folder at once wait for the one that makes it.

    Args:
        source: Where the examples come from.
        split: `train`, `dev` or `test`.
        language: One of `LANGUAGES`.
        tokenizer: What encodes the pairs.
        max_length: The most tokens of a pair.
        limit: Stop after this many rows of the source's file; None for all.
        cache_dir: The folder of the cache, made when missing.

    Returns:
        The examples, their arrays mapped read-only from disk.

    Raises:
        UserError: If the source has an error, or the cache must be filled and cannot be written.
    """
    # Languages can share one file, and so its fingerprint: they are named as well.
    identity = {
        "source": source.fingerprint(split, language),
        "split": split,
        "language": language,
        "tokenizer": tokenizer.fingerprint,
        "sentencepiece": sentencepiece.__version__,
        "max_length": max_length,
        "limit": limit,
        "format": FORMAT_VERSION,
    }
    key = hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()
    folder = cache_dir / key
    try:
        cached = _read(folder, language)
    except PermissionError as error:
        raise _unwritable(cache_dir, error) from error
    if cached is not None:
        return cached
    with _only_one_process(cache_dir, key):
        cached = _read(folder, language)
        if cached is not None:
            return cached
        examples = _encode(source, split, language, tokenizer, max_length, limit)
        _write(folder, examples, identity)
        # Mapped pages can leave memory again, the arrays just made cannot.
        return _read(folder, language) or examples


@contextmanager
def _only_one_process(cache_dir: Path, key: str) -> Iterator[None]:
    lock = FileLock(cache_dir / f"{key}.lock")
    try:
        cache_dir.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except OSError as error:
        raise _unwritable(cache_dir, error) from error
    try:
        yield
    finally:
        lock.release()


def _encode(
    source: "DataSource",
    split: str,
    language: str,
    tokenizer: InfoXLMTokenizer,
    max_length: int,
    limit: int | None,
) -> EncodedExamples:
    token_ids: list[TokenIds] = []
    labels: list[int] = []
    rows: list[int] = []
    examples = source.read(split, language, limit=limit)
    progress = tqdm(desc=f"tokenizing {split} {language}", unit=" pairs", delay=2, disable=None)
    with progress:
        while chunk := list(islice(examples, CHUNK)):
            premises = [example.premise for example in chunk]
            hypotheses = [example.hypothesis for example in chunk]
            token_ids.append(tokenizer.encode(premises, hypotheses, max_length=max_length))
            labels.extend(example.label for example in chunk)
            rows.extend(example.row for example in chunk)
            progress.update(len(chunk))
    return EncodedExamples(
        TokenIds.concatenate(token_ids),
        np.array(labels, dtype=np.int64),
        np.array(rows, dtype=np.int64),
        language,
    )


def _write(folder: Path, examples: EncodedExamples, identity: Mapping[str, object]) -> None:
    """Fill a folder beside and rename it, so that `folder` is there whole or not at all."""
    arrays = {
        "ids": examples.token_ids.ids,
        "offsets": examples.token_ids.offsets,
        "labels": examples.labels,
        "rows": examples.rows,
    }
    # The lock is held: whatever has these names was left by a process that was killed.
    partial = folder.with_suffix(".partial")
    try:
        for leftover in (partial, folder):
            if leftover.exists():
                shutil.rmtree(leftover)
        partial.mkdir()
        for name, array in arrays.items():
            np.save(partial / f"{name}.npy", array)
        checksums = {name: sha256_of(partial / f"{name}.npy") for name in arrays}
        manifest = {**identity, "examples": len(examples.labels), "sha256": checksums}
        (partial / MANIFEST).write_text(json.dumps(manifest, indent=2), encoding="utf-8")
        partial.rename(folder)
    except OSError as error:
        shutil.rmtree(partial, ignore_errors=True)  # a full disk is not to be kept full
        raise _unwritable(folder.parent, error) from error


def _read(folder: Path, language: str) -> EncodedExamples | None:
    """Read a folder of the cache; None when it is missing or damaged."""
    if not folder.exists():
        return None
    try:
        checksums = read_json_object(folder / MANIFEST)["sha256"]
        arrays = {}
        for name in ("ids", "offsets", "labels", "rows"):
            path = folder / f"{name}.npy"
            if sha256_of(path) != checksums[name]:
                raise ValueError(f"the checksum of {path.name} is wrong")
            arrays[name] = np.asarray(np.load(path, mmap_mode="r"))
    except (OSError, ValueError, KeyError, TypeError) as error:
        logger.warning("Token cache %s is damaged and is made anew: %s", folder, error)
        return None
    return EncodedExamples(
        TokenIds(arrays["ids"], arrays["offsets"]), arrays["labels"], arrays["rows"], language
    )


def _unwritable(cache_dir: Path, error: OSError) -> UserError:
    problem = f"Cannot write the token cache {cache_dir}: {error.strerror or error}"
    return UserError(problem, "Set data.cache_dir to a folder that is writable and has space.")
