"""The queue of keys that serve as negatives (He et al. 2020), with the texts they come from."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import paddle

from infoxlm.checkpoint.safetensors_writer import float32_array
from infoxlm.errors import UserError
from infoxlm.tokenization.token_ids import ranges


class Matches(NamedTuple):
    """Pairs of an example and a key that have a text in common.

    Attributes:
        examples: The examples' numbers, int64 ``[pairs]``, ascending.
        keys: The keys' numbers, int64 ``[pairs]``.
    """

    examples: np.ndarray
    keys: np.ndarray

    @classmethod
    def none(cls) -> "Matches":
        """No pairs."""
        return cls(np.zeros(0, np.int64), np.zeros(0, np.int64))

    def of(self, positions: np.ndarray) -> "Matches":
        """The pairs of some examples, numbered by their place among these.

        Args:
            positions: The examples, int64 ``[k]``, each once.
        """
        order = np.argsort(positions)
        places = np.searchsorted(positions, self.examples, sorter=order)
        places = order[np.minimum(places, len(order) - 1)]
        found = positions[places] == self.examples
        return Matches(places[found], self.keys[found])


class KeyQueue:
    """Keys of the last batches; a new one takes the place of the oldest.

    Args:
        size: Number of keys.
        width: Size of a key.
        texts: Texts of a key.

    Attributes:
        size: Number of keys.
        keys: float32 ``[size, width]``.
    """

    def __init__(self, size: int, width: int, texts: int) -> None:
        self.size = size
        self.keys = paddle.zeros([size, width])
        self._texts = np.zeros((size, texts), np.int64)
        self._next = 0

    @paddle.no_grad()
    def push(self, keys: np.ndarray, texts: np.ndarray) -> None:
        """Put keys in, the oldest first.

        Args:
            keys: float32 ``[n, width]``; of more than there is room for, the last stay.
            texts: The hashes of each key's texts, int64 ``[n, texts]``.
        """
        keys, texts = keys[-self.size :], texts[-self.size :]
        places = (self._next + np.arange(len(keys))) % self.size
        paddle.scatter_(self.keys, paddle.to_tensor(places), paddle.to_tensor(keys))
        self._texts[places] = texts
        self._next = (self._next + len(keys)) % self.size

    def matches(self, texts: np.ndarray) -> Matches:
        """The keys that have a text in common with an example.

        Args:
            texts: The hashes of each example's texts, int64 ``[n, texts]``.
        """
        return equal_texts(texts, self._texts)

    def state(self) -> dict[str, np.ndarray]:
        """The queue as arrays, for a checkpoint."""
        return {
            "keys": float32_array(self.keys), "texts": self._texts, "next": np.array([self._next])
        }  # fmt: skip

    @classmethod
    def restore(cls, state: Mapping[str, np.ndarray], size: int) -> "KeyQueue":
        """Make the queue that `state` described.

        Raises:
            UserError: It is of another size.
        """
        if len(state["keys"]) != size:
            raise UserError(
                f"the checkpoint's queue has {len(state['keys'])} keys, not {size}",
                "Resume with the configuration that the run began with.",
            )
        queue = cls(0, 0, 0)
        queue.size = size
        queue.keys = paddle.to_tensor(state["keys"])
        queue._texts = np.array(state["texts"])
        queue._next = int(state["next"][0])
        return queue


def equal_texts(examples: np.ndarray, keys: np.ndarray) -> Matches:
    """Find the pairs of an example and a key that have a text in common.

    Args:
        examples: The hashes of each example's texts, int64 ``[n, texts]``.
        keys: Those of each key, int64 ``[m, texts]``.
    """
    flat = examples.ravel()
    order = np.argsort(flat, kind="stable")
    wanted = keys.ravel()
    first, end = (np.searchsorted(flat[order], wanted, side) for side in ("left", "right"))
    counts = end - first
    found = order[ranges(first, counts)] // examples.shape[1]
    of_key = np.repeat(np.arange(len(wanted)) // keys.shape[1], counts)
    pairs = np.unique(found * len(keys) + of_key)
    return Matches(*np.divmod(pairs, max(1, len(keys))))
