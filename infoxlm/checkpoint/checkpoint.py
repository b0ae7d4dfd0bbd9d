"""A checkpoint being read: configuration, tokenizer, and tensors one at a time."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from infoxlm.checkpoint.architecture import ExpectedTensor
from infoxlm.tokenization.tokenizer import InfoXLMTokenizer


class Tensors(Protocol):
    """Named tensors of one file."""

    @property
    def path(self) -> Path:
        """The file, for messages."""

    @property
    def names(self) -> frozenset[str]:
        """The stored names."""

    def read(self, name: str, shape: tuple[int, ...]) -> np.ndarray:
        """Read one tensor as float32; UserError when its shape is another."""


@dataclass(frozen=True)
class Layout:
    """A framework's layout of the weights of linear layers.

    Attributes:
        framework: The framework's name.
        safetensors_format: What it writes as ``format`` into the metadata of safetensors.
            transformers refuses "np" and PaddleNLP refuses "pt", so that nobody loads
            transposed matrices by mistake.
        dtype_key: What its config.json calls the type of the numbers.
    """

    framework: str
    safetensors_format: str
    dtype_key: str

    def shape(self, tensor: ExpectedTensor) -> tuple[int, ...]:
        """The shape of a tensor in this layout."""
        shape = tensor.torch_shape
        return shape[::-1] if tensor.is_linear and self is PADDLE else shape

    def convert(self, values: np.ndarray, tensor: ExpectedTensor, target: "Layout") -> np.ndarray:
        """The values of a tensor of this layout in another, as a view."""
        return values.T if tensor.is_linear and self is not target else values


PYTORCH = Layout("PyTorch", "pt", "torch_dtype")
PADDLE = Layout("Paddle", "np", "dtype")


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint as a conversion reads it: configuration, weights and tokenizer.

    Attributes:
        source: What the user called it, for messages and the report.
        layout: How its linear layers lie.
        config: Its checked ``config.json``.
        tensors: Its weights.
        tokenizer: Its tokenizer.
        left_out: Names in the source that belong to neither encoder nor head, and are not read.
    """

    source: str
    layout: Layout
    config: dict[str, Any]
    tensors: Tensors
    tokenizer: InfoXLMTokenizer
    left_out: tuple[str, ...] = ()
