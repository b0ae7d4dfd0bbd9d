"""Each data set is tokenized once; later runs map the arrays from disk."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import sentencepiece

from infoxlm.data.examples import Examples
from infoxlm.files.cache import cached_folder
from infoxlm.files.json_file import read_json_object
from infoxlm.files.manifest import MANIFEST, sha256_of
from infoxlm.tokenization.token_ids import TokenIds
from infoxlm.tokenization.tokenizer import InfoXLMTokenizer
from infoxlm.tracking.progress import progress

if TYPE_CHECKING:
    from infoxlm.data.source import DataSource

#: Raised when the files or what they mean change; older folders are then left alone.
FORMAT_VERSION = 1

#: Examples whose texts are in memory at a time.
CHUNK = 20_000


#: Encodes a chunk of what a source holds: the sequences, and the targets by name, ``[n, ...]``.
#: What makes several sequences of an example also gives their ``rows``.
Encode = Callable[[Sequence[Any]], tuple[TokenIds, Mapping[str, np.ndarray]]]


@dataclass(frozen=True)
class TokenCache:
    """Encoded examples on disk, by everything that decides what they are.

    A folder of the cache is named by a hash of that, so it never goes stale. Its arrays are checked
    against their sha256, and made again when they differ (`files/cache.py`). Processes that want
    the same folder at once wait for the one that makes it.

    Attributes:
        folder: Its folder, made when missing.
        tokenizer: The tokenizer of the texts.
        max_length: The most tokens of a sequence.
    """

    folder: Path
    tokenizer: InfoXLMTokenizer
    max_length: int

    def load(
        self,
        source: "DataSource",
        split: str,
        language: str,
        encode: Encode,
        *,
        limit: int | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> Examples:
        """Read encoded examples, or encode the source and keep what came out.

        Args:
            source: The source of the examples; each has the number of its `row`.
            split: `train`, `dev` or `test`.
            language: The language's code.
            encode: Makes numbers of some thousand examples.
            limit: Stop after this many rows of the source's file; None for all.
            options: Other settings that `encode` depends on, such as the task's.

        Returns:
            The examples, their arrays mapped read-only from disk.

        Raises:
            UserError: The source has an error, or the cache must be filled and cannot be written.
        """
        # Languages can share one file, and so its fingerprint: they are named as well.
        fingerprint = {
            "source": source.fingerprint(split, language),
            "split": split,
            "language": language,
            "tokenizer": self.tokenizer.fingerprint,
            "sentencepiece": sentencepiece.__version__,
            "max_length": self.max_length,
            "limit": limit,
            "format": FORMAT_VERSION,
            **(options or {}),
        }
        key = hashlib.sha256(json.dumps(fingerprint, sort_keys=True).encode()).hexdigest()
        folder = self.folder / key
        file = " ".join(map(str, source.files(split, language)))
        return cached_folder(
            folder,
            read=lambda whole: _read(whole, language, file),
            make=lambda: _encode(source, split, language, encode, limit, file),
            write=lambda part, examples: _write(part, examples, fingerprint),
        )


def _encode(
    source: "DataSource",
    split: str,
    language: str,
    encode: Encode,
    limit: int | None,
    file: str,
) -> Examples:
    token_ids: list[TokenIds] = []
    targets: list[Mapping[str, np.ndarray]] = []
    examples = source.read(split, language, limit=limit)
    with progress(label=f"tokenizing {split} {language}", unit=" examples", delay=2) as bar:
        while chunk := list(islice(examples, CHUNK)):
            encoded, learned = encode(chunk)
            token_ids.append(encoded)
            targets.append({"rows": np.array([x.row for x in chunk], np.int64), **learned})
            bar.update(len(chunk))
    if not targets:
        _, empty = encode([])
        targets.append({"rows": np.zeros(0, np.int64), **empty})
    arrays = {name: np.concatenate([part[name] for part in targets]) for name in targets[0]}
    rows = arrays.pop("rows")
    return Examples(TokenIds.concatenate(token_ids), arrays, rows, language, file)


def _write(folder: Path, examples: Examples, fingerprint: Mapping[str, object]) -> None:
    """Fill an empty folder with arrays and their checksums."""
    arrays = {
        "ids": examples.token_ids.ids,
        "offsets": examples.token_ids.offsets,
        "rows": examples.rows,
        **examples.targets,
    }
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array)
    checksums = {name: sha256_of(folder / f"{name}.npy") for name in arrays}
    manifest = {**fingerprint, "examples": len(examples), "sha256": checksums}
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=2), encoding="utf-8")


def _read(folder: Path, language: str, file: str) -> Examples:
    """Read a folder of the cache.

    Raises:
        ValueError: It is damaged; `OSError` and `UserError` where a file is missing or no JSON.
    """
    checksums = read_json_object(folder / MANIFEST).get("sha256")
    if not isinstance(checksums, dict):
        raise ValueError(f"{MANIFEST} lists no checksums")
    arrays = {}
    for name in {"ids", "offsets", "rows", *checksums}:
        if not name.isidentifier():
            raise ValueError(f"{name!r} is no array's name")
        path = folder / f"{name}.npy"
        if sha256_of(path) != checksums.get(name):
            raise ValueError(f"the checksum of {path.name} is wrong")
        arrays[name] = np.asarray(np.load(path, mmap_mode="r"))
    token_ids = TokenIds(arrays.pop("ids"), arrays.pop("offsets"))
    rows = arrays.pop("rows")
    return Examples(token_ids, arrays, rows, language, file)
