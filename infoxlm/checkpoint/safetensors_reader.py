"""safetensors files as a source of conversions, read one tensor at a time."""

from pathlib import Path

import numpy as np
from safetensors import SafetensorError

from infoxlm.checkpoint.sharded_weights import open_safetensors
from infoxlm.checkpoint.weights_file import as_float32
from infoxlm.errors import UserError


class SafetensorsReader:
    """The tensors of a safetensors file, or of several with an index, read on demand.

    Args:
        path: The file, or the index.

    Raises:
        UserError: It is damaged or cut short, or a file that the index names is.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._file = open_safetensors(path)
        except (SafetensorError, OSError) as error:
            raise UserError(
                f"{path} is not a whole safetensors file: {error}",
                "Fetch or save it again (a git clone needs `git lfs pull`).",
            ) from error
        self.names = frozenset(self._file.keys())
        self.format: str | None = self._file.metadata.get("format")

    def shape(self, name: str) -> tuple[int, ...]:
        """The shape of a tensor, without reading it."""
        return tuple(self._file.get_slice(name).get_shape())

    def read(self, name: str, shape: tuple[int, ...]) -> np.ndarray:
        """Read one tensor as float32; UserError when its shape is another."""
        return as_float32(self._file.get_tensor(name), shape, self.path, name)
