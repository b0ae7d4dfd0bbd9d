"""Batches without padding: the tokens of all sequences end to end."""

from dataclasses import dataclass, field
from functools import cached_property, lru_cache

import numpy as np
import paddle

from infoxlm.model.cpu.arrays import array_of, tensor_of


@dataclass(frozen=True, eq=False)
class Packing:
    """The packed layout of a batch: its sequences without padding, one after another.

    Only attention must know which tokens belong together; everything else goes token by token, and
    on padding it would be done for nothing.

    Attributes:
        lengths: Tokens of each sequence, int64 ``[batch]``.
        starts: Where each begins, int64 ``[batch]``.
    """

    lengths: np.ndarray
    starts: np.ndarray
    _rows: dict[int, tuple[np.ndarray, np.ndarray]] = field(default_factory=dict)

    @classmethod
    def of(cls, lengths: np.ndarray) -> "Packing":
        """Lay sequences of these lengths end to end."""
        return cls(lengths, np.cumsum(lengths) - lengths)

    @classmethod
    @lru_cache(maxsize=8)
    def rectangle(cls, batch: int, length: int) -> "Packing":
        """The packing of sequences of one length: the same object in every block of a model."""
        return cls.of(np.full(batch, length))

    @cached_property
    def longest(self) -> int:
        """Tokens of the longest sequence."""
        return int(self.lengths.max())

    def firsts(self) -> "Part":
        """The sequences' first tokens."""
        return Part(self, self.starts, Packing.of(np.ones_like(self.lengths)))

    def part(self, wanted: np.ndarray) -> "Part":
        """Some of the tokens.

        Args:
            wanted: Which, bool ``[tokens]``.
        """
        places = np.flatnonzero(wanted)
        sequences = np.searchsorted(self.starts, places, "right") - 1
        return Part(self, places, Packing.of(np.bincount(sequences, minlength=len(self.lengths))))

    def offsets(self) -> np.ndarray:
        """The place of each token in its sequence, from 0, int64 ``[tokens]``."""
        return np.arange(self.lengths.sum()) - np.repeat(self.starts, self.lengths)

    def padded_rows(self, width: int) -> np.ndarray:
        """Which token stands at each place of a batch padded to a width.

        Args:
            width: Places of a sequence, at least `longest`.

        Returns:
            int64 ``[batch * width]``; padding has the number behind the last token's.
        """
        places = np.arange(width)
        tokens = self.starts[:, None] + places
        return np.where(places < self.lengths[:, None], tokens, self.lengths.sum()).ravel()

    @cached_property
    def padding_bias(self) -> np.ndarray | None:
        """The bias that hides padding from attention, float32 ``[batch, 1, seq]``.

        Returns:
            0 and float32's lowest number, to be added to scores; None when all are equally long.
        """
        if (self.lengths == self.longest).all():
            return None
        behind = np.arange(self.longest) >= self.lengths[:, None]
        return np.where(behind, np.finfo(np.float32).min, np.float32(0))[:, None]

    def rows(self, heads: int) -> tuple[np.ndarray, np.ndarray]:
        """The indices that order rows of ``[tokens * heads, head_size]`` by head, and back.

        Returns:
            int64 ``[batch * heads * seq]``, where padding has the row of some token, and int64
            ``[tokens * heads]``.
        """
        if heads not in self._rows:
            places = np.arange(self.longest)
            tokens = self.starts[:, None] + np.minimum(places, self.lengths[:, None] - 1)
            head = np.arange(heads)
            to_heads = tokens[:, None, :] * heads + head[:, None]
            sequences = np.repeat(np.arange(len(self.lengths)), self.lengths)
            from_heads = (sequences[:, None] * heads + head) * self.longest
            from_heads += self.offsets()[:, None]
            self._rows[heads] = to_heads.ravel(), from_heads.ravel()
        return self._rows[heads]

    def by_head(self, states: paddle.Tensor, heads: int, scale: float = 1.0) -> paddle.Tensor:
        """``[tokens, hidden]`` to ``[batch, heads, seq, head_size]``, times a number on the way.

        Padding repeats a token, so that it is finite: attention hides it.
        """
        size = states.shape[1] // heads
        batch = array_of(states).reshape(-1, size).take(self.rows(heads)[0], axis=0)
        if scale != 1.0:
            batch *= np.float32(scale)
        return tensor_of(batch.reshape(len(self.lengths), heads, self.longest, size))

    def gradient_by_head(self, gradient: paddle.Tensor, heads: int) -> paddle.Tensor:
        """`by_head` of a gradient: padding has none."""
        by_head = self.by_head(gradient, heads)
        if (self.lengths == self.longest).all():
            return by_head
        is_token = np.arange(self.longest) < self.lengths[:, None]
        return tensor_of(array_of(by_head) * is_token[:, None, :, None].astype(np.float32))

    def by_token(self, states: paddle.Tensor, scale: float = 1.0) -> paddle.Tensor:
        """``[batch, heads, seq, head_size]`` to ``[tokens, hidden]``, times a number on the way."""
        _, heads, _, size = states.shape
        tokens = array_of(states).reshape(-1, size).take(self.rows(heads)[1], axis=0)
        if scale != 1.0:
            tokens *= np.float32(scale)
        return tensor_of(tokens.reshape(-1, heads * size))


@dataclass(frozen=True, eq=False)
class Part:
    """Some tokens of a packed batch, in its order: those that a last block is wanted of.

    Attributes:
        whole: Where all tokens lie, which these attend to.
        places: The tokens among them, int64 ``[part]``.
        packing: Where each sequence's lie among the part.
    """

    whole: Packing
    places: np.ndarray
    packing: Packing
