"""Weights that are split over several files, which an index lists."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError

from infoxlm.checkpoint.mapped_tensors import MappedTensors
from infoxlm.errors import UserError, and_more
from infoxlm.files.json_file import read_json_object

INDEX_SUFFIX = ".index.json"
FETCH = "Fetch or save the folder again."


def read_weight_map(path: Path) -> dict[str, str]:
    """The name of each tensor's file, which may not be there yet.

    Args:
        path: The index, such as ``model.safetensors.index.json``.

    Raises:
        UserError: The index is damaged, or names a file outside of its folder.
    """
    try:
        names = read_json_object(path).get("weight_map")
        if not isinstance(names, dict) or not all(type(name) is str for name in names.values()):
            raise ValueError("its weight_map does not name a file for each tensor")
        if not names:
            raise ValueError("its weight_map is empty")
    except (OSError, ValueError) as error:
        raise UserError(f"{path} is damaged: {error}", FETCH) from error
    for name in names.values():
        if Path(name).name != name or "\0" in name:
            raise UserError(f"{path} names {name!r}, which is not in its folder", FETCH)
    return names


def listed_files(path: Path) -> list[str]:
    """The names of the files that an index lists, each once."""
    return sorted(set(read_weight_map(path).values()))


def read_index(path: Path) -> dict[str, Path]:
    """The file of each tensor.

    Args:
        path: The index, such as ``model.safetensors.index.json``.

    Raises:
        UserError: The index is damaged, a file that it names is missing, or one that is named
            like its files is not in it.
    """
    names = read_weight_map(path)
    named = set(names.values())
    for name in sorted(named):
        if not (path.parent / name).is_file():
            raise UserError(f"{path} names {name}, which is missing", FETCH)
    kind = path.name.removesuffix(INDEX_SUFFIX)
    stem, suffix = Path(kind).stem, Path(kind).suffix
    present = {file.name for file in path.parent.glob(f"{stem}-*-of-*{suffix}")}
    if strangers := sorted(present - named):
        raise UserError(
            f"{path} does not name {and_more(strangers, 'files')}",
            "Remove what does not belong to the weights, or fetch the index that does.",
        )
    return {tensor: path.parent / name for tensor, name in names.items()}


def check_shards(index: Path, files: Mapping[str, Path], present: Mapping[Path, set[str]]) -> None:
    """Check that each file holds what the index says, and nothing else.

    Args:
        index: The index, for messages.
        files: The file of each tensor.
        present: The tensors of each file.

    Raises:
        UserError: It does not.
    """
    for file, names in present.items():
        listed = {name for name, place in files.items() if place == file}
        if missing := sorted(listed - names):
            raise UserError(f"{file} has no {and_more(missing)}, which {index.name} puts there",
                            FETCH)  # fmt: skip
        if more := sorted(names - listed):
            raise UserError(f"{file} has {and_more(more)}, which {index.name} does not put there",
                            FETCH)  # fmt: skip


class ShardedTensors:
    """The tensors of several safetensors files, read one by one as from one file.

    Args:
        index: The index.

    Raises:
        UserError: A file is missing or damaged, or holds something else than the index says.
    """

    def __init__(self, index: Path) -> None:
        self._files = read_index(index)
        self._shards = {path: open_shard(path) for path in sorted(set(self._files.values()))}
        check_shards(index, self._files, {x: set(y.keys()) for x, y in self._shards.items()})
        formats = {shard.metadata.get("format") for shard in self._shards.values()}
        if len(formats) > 1:
            found = " and ".join(sorted(map(str, formats)))
            raise UserError(f"{index} names files of the formats {found}", FETCH)
        self.metadata = next(iter(self._shards.values())).metadata

    def keys(self) -> list[str]:
        """The tensors' names."""
        return list(self._files)

    def get_tensor(self, name: str) -> np.ndarray:
        """Read a tensor into memory of its own."""
        return self._shards[self._files[name]].get_tensor(name)

    def pieces(self, name: str) -> Iterator[np.ndarray]:
        """Read a large tensor some rows at a time."""
        return self._shards[self._files[name]].pieces(name)

    def map(self, name: str) -> np.ndarray | None:
        """A large float32 tensor in the pages of its file; None where it is another one."""
        return self._shards[self._files[name]].map(name)

    def get_slice(self, name: str) -> Any:
        """A tensor's slice; ``get_dtype()`` and ``get_shape()`` read the header alone."""
        return self._shards[self._files[name]].get_slice(name)


def open_shard(path: Path) -> MappedTensors:
    """Open one of several files.

    Raises:
        UserError: It is damaged or cannot be read.
    """
    try:
        return MappedTensors(path)
    except (SafetensorError, OSError) as error:
        raise UserError(f"{path} is damaged: {error}", FETCH) from error


def find_safetensors(folder: Path, name: str = "model.safetensors") -> Path | None:
    """The safetensors file of a folder, else the index of several; None without either."""
    candidates = (folder / name, folder / f"{name}{INDEX_SUFFIX}")
    return next((path for path in candidates if path.is_file()), None)


def open_safetensors(path: Path) -> MappedTensors | ShardedTensors:
    """Open what ``find_safetensors`` found.

    Raises:
        UserError: Of several files one is missing or damaged, or holds something else than the
            index says.
        safetensors.SafetensorError: The one file is damaged.
        OSError: The one file cannot be read.
    """
    return ShardedTensors(path) if path.name.endswith(INDEX_SUFFIX) else MappedTensors(path)
