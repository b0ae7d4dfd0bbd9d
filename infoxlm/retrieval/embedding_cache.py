"""Sentence vectors are computed once; later runs read those of the layers they want from disk."""

import contextlib
import hashlib
import json
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from infoxlm.files.cache import cache_errors, cached_file, lock_of
from infoxlm.files.regular_file import open_regular
from infoxlm.tokenization.token_ids import TokenIds

#: Raised when the files or what they mean change; older files are then left to grow old.
FORMAT_VERSION = 1

#: A layer's vectors as they come out of the cache, `[n, hidden]`, by the layer's number.
Layers = dict[int, NDArray[np.float32]]


class EmbeddingCache:
    """Keeps the vectors of all layers, one file for one list of sentences.

    A file is named by a hash of everything that decides its content, so it never goes stale. It
    is a zip of one array a layer, which checks itself when it is read; a damaged one is made again.
    Processes that want the same file at once wait for the one that makes it.

    Args:
        folder: The folder of the files; made when missing.
        limit_gb: Most gigabytes of all files together: the ones unused for longest are removed.
    """

    def __init__(self, folder: Path, limit_gb: float) -> None:
        self._folder = folder
        self._limit = limit_gb * 1e9

    def load_or_embed(
        self,
        token_ids: TokenIds,
        fingerprint: Mapping[str, Any],
        layers: Sequence[int],
        embed: Callable[[TokenIds], NDArray[np.float32]],
    ) -> Layers:
        """Read the vectors of some layers, or compute those of all and keep them.

        Args:
            token_ids: `n` encoded sentences.
            fingerprint: Plain values that decide the vectors, such as the weights' checksum.
            layers: The layers wanted.
            embed: Computes `[layers, n, hidden]` from the sentences.

        Raises:
            UserError: The cache cannot be written.
        """
        tokens = hashlib.sha256(token_ids.offsets.tobytes() + token_ids.ids.tobytes()).hexdigest()
        fingerprint = {**fingerprint, "tokens": tokens, "format": FORMAT_VERSION}
        key = hashlib.sha256(json.dumps(fingerprint, sort_keys=True).encode()).hexdigest()
        file = self._folder / f"{key}.npz"
        vectors = cached_file(
            file,
            read=lambda file: read_layers(file, layers),
            make=lambda: dict(enumerate(embed(token_ids))),
            write=write_layers,
        )
        with cache_errors(self._folder):
            self._remove_oldest()
        return {layer: vectors[layer] for layer in layers}

    def _remove_oldest(self) -> None:
        sizes = {}
        for file in self._folder.glob("*.npz"):
            try:
                status = file.stat()
            except FileNotFoundError:  # removed by another process just now
                continue
            sizes[file] = (status.st_mtime_ns, status.st_size)
        total = sum(size for _, size in sizes.values())
        for file in sorted(sizes, key=lambda file: sizes[file]):
            if total <= self._limit:
                break
            file.unlink(missing_ok=True)
            lock_of(file).unlink(missing_ok=True)
            total -= sizes[file][1]


def write_layers(file: Path, vectors: Layers) -> None:
    """Write the vectors of all layers into a file of the cache."""
    np.savez(file, **{f"layer_{layer}": values for layer, values in vectors.items()})


def read_layers(file: Path, layers: Sequence[int]) -> Layers:
    """Read some layers of a file of the cache and mark it as used.

    Raises:
        ValueError: The file is damaged.
        OSError: It cannot be read.
    """
    try:
        with open_regular(file) as stream, np.load(stream, allow_pickle=False) as arrays:
            found = {layer: arrays[f"layer_{layer}"] for layer in layers}
    except (KeyError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(str(error)) from error
    with contextlib.suppress(OSError):  # somebody else's file
        file.touch()
    return found
