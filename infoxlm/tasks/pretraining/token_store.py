"""Token ids of a language's sentences, or of pairs of translations, encoded once and mapped."""

import hashlib
import json
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import sentencepiece

from infoxlm.errors import UserError
from infoxlm.files.array_file import MappedArray
from infoxlm.files.cache import cached_folder
from infoxlm.files.json_file import read_json_object
from infoxlm.files.manifest import MANIFEST, sha256_of
from infoxlm.tasks.pretraining.store_writer import ARRAYS, Kept, write_store
from infoxlm.tasks.pretraining.text_rows import TextRows
from infoxlm.tokenization.token_ids import TokenIds, offsets_from
from infoxlm.tokenization.tokenizer import InfoXLMTokenizer

logger = logging.getLogger(__name__)

#: Raised when the files or what they mean change; older folders are then left alone.
FORMAT_VERSION = 1


@dataclass(frozen=True, eq=False)
class TokenStore:
    """Sentences in the order of their files, each closed by ``</s>``; of pairs, one side by side.

    Attributes:
        language: The language's code, or two joined by a hyphen.
        width: Sentences of a row: 1, or 2 of pairs.
        files: The names of the files.
        kept: What was kept of each file.
        vocabulary: The ids that occur, sorted, int32.
        folder: The folder of the cache, whose name tells what is in it.
        arrays: ``ids`` int32 ``[tokens]``, ``offsets`` int64 ``[sentences + 1]``, ``texts``
            int64 ``[sentences]``, a hash of each text, ``rows`` int32 ``[rows]``, their numbers in
            the file.
    """

    language: str
    width: int
    files: Sequence[str]
    kept: Sequence[Kept]
    vocabulary: np.ndarray
    folder: Path
    arrays: dict[str, MappedArray]

    def __len__(self) -> int:
        return len(self.arrays["rows"].values)

    @property
    def token_ids(self) -> TokenIds:
        """All sentences, mapped."""
        return TokenIds(self.arrays["ids"].values, self.arrays["offsets"].values)

    def take(self, rows: np.ndarray) -> TokenIds:
        """The sentences of some rows, in memory: `width` of each row."""
        bounds = self.arrays["offsets"].take(self.width * rows, self.width + 1)
        bounds = bounds.reshape(len(rows), self.width + 1)
        ids = self.arrays["ids"].take(bounds[:, 0], bounds[:, -1] - bounds[:, 0])
        return TokenIds(ids, offsets_from(np.diff(bounds, axis=1).ravel()))

    def texts(self, rows: np.ndarray) -> np.ndarray:
        """A hash of each text of some rows, equal for equal texts, int64 ``[n, width]``."""
        return self.arrays["texts"].take(self.width * rows, self.width).reshape(-1, self.width)

    def chunks_of_texts(self) -> Iterator[np.ndarray]:
        """Yield the hashes of some rows after the other, int64 ``[rows, width]``."""
        for chunk in self.arrays["texts"].chunks(self.width):
            yield chunk.reshape(-1, self.width)

    def origin(self, number: int) -> tuple[str, int]:
        """The file of a row, and its number there, 0 being the first."""
        row = int(self.arrays["rows"].values[number])
        for file, kept in zip(self.files, self.kept, strict=True):
            if number < kept.rows:
                return file, row
            number -= kept.rows
        raise IndexError(number)

    def release(self) -> None:
        """Take the pages that were read out of the process' memory."""
        for array in self.arrays.values():
            array.release()


def open_store(
    language: str,
    sources: Sequence[TextRows],
    cache_dir: Path,
    tokenizer: InfoXLMTokenizer,
    *,
    refuse_faulty: bool = False,
) -> TokenStore:
    """Map the sentences of a language from the cache, or encode them first, as a stream.

    Rows with an empty side are left out, and a line of monolingual text that repeats the one
    before it; how many is logged.

    Args:
        language: The language's code, or two joined by a hyphen.
        sources: The files.
        cache_dir: The cache's folder.
        tokenizer: The tokenizer.
        refuse_faulty: Refuse rows with an empty side instead.

    Raises:
        UserError: A file is at fault or the cache cannot be written, or there is no text.
    """
    fingerprint = {
        "sources": [source.fingerprint() for source in sources],
        "tokenizer": tokenizer.fingerprint,
        "sentencepiece": sentencepiece.__version__,
        "refuse_faulty": refuse_faulty,
        "format": FORMAT_VERSION,
        "kind": "pretraining",
    }
    key = hashlib.sha256(json.dumps(fingerprint, sort_keys=True).encode()).hexdigest()

    def read(folder: Path) -> TokenStore | None:
        return _read(folder, language, [str(source) for source in sources])

    def write(folder: Path, _: TokenStore | None) -> None:
        found = write_store(folder, language, sources, tokenizer, refuse_faulty=refuse_faulty)
        checksums = {name: sha256_of(folder / f"{name}.npy") for name in ARRAYS}
        manifest = {**fingerprint, **found, "sha256": checksums}
        (folder / MANIFEST).write_text(json.dumps(manifest, indent=2), encoding="utf-8")

    # Nothing is made in memory: the arrays grow on disk.
    store = cached_folder(cache_dir / key, read, make=lambda: None, write=write)
    if store is None:
        raise UserError(f"the cache {cache_dir} lost what was written", "Check the disk.")
    _log_left_out(store)
    if not len(store):
        more = f" and {len(sources) - 1} more files" if sources[1:] else ""
        raise UserError(
            f"{language} has no text: every row of {sources[0]}{more} is empty",
            "Give files with text, or leave them out with data.exclude.",
        )
    return store


def _read(folder: Path, language: str, files: Sequence[str]) -> TokenStore:
    """Read a folder of the cache.

    Raises:
        ValueError: It is damaged; `OSError` and `UserError` where a file is missing or no JSON.
    """
    manifest = read_json_object(folder / MANIFEST)
    for name in ARRAYS:
        if sha256_of(folder / f"{name}.npy") != _get(manifest, "sha256", dict).get(name):
            raise ValueError(f"the checksum of {name}.npy is wrong")
    try:
        kept = [Kept(**counts) for counts in _get(manifest, "kept", list)]
    except TypeError as error:
        raise ValueError(f"{MANIFEST} tells not what was kept") from error
    arrays = {name: MappedArray(folder / f"{name}.npy") for name in ARRAYS}
    vocabulary = np.array(arrays.pop("vocabulary").values)
    width = _get(manifest, "width", int)
    return TokenStore(language, width, files, kept, vocabulary, folder, arrays)


def _log_left_out(store: TokenStore) -> None:
    """Say how many rows of a store's files are not in it."""
    for file, kept in zip(store.files, store.kept, strict=True):
        if kept.empty:
            what = "an empty text" if store.width == 1 else "an empty side"
            logger.warning("%s: left out %s rows with %s", file, f"{kept.empty:,}", what)
    if repeated := sum(kept.repeated for kept in store.kept):
        logger.info(
            "%s: left out %s lines that repeat the one before", store.language, f"{repeated:,}"
        )


def _get(manifest: dict[str, Any], key: str, kind: type) -> Any:
    value = manifest.get(key)
    if not isinstance(value, kind):
        raise ValueError(f"{MANIFEST} lists no {key}")
    return value
