"""How much work training is, whatever it is done with: tokens and floating-point operations."""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from infoxlm.data.batches import micro_batches
from infoxlm.distributed.sharding import deal


class EncoderShape(Protocol):
    """What of a model's configuration decides the work."""

    hidden_size: int
    intermediate_size: int
    num_hidden_layers: int


def training_operations(lengths: np.ndarray, shape: EncoderShape) -> float:
    """Operations of the textbook forward and backward pass over real tokens.

    A product of ``[m, k]`` and ``[k, n]`` matrices is ``2 m k n`` operations, the backward pass two
    such products for each of the forward pass (Kaplan et al. 2020, section 2.1). Counted are the
    blocks' projections and attention over every real token; work that was cleverly left out counts
    as done, work on padding does not.

    Args:
        lengths: Tokens of each pair, int64 ``[n]``.
        shape: The encoder's.
    """
    hidden, layers = shape.hidden_size, shape.num_hidden_layers
    weights = layers * (4 * hidden * hidden + 2 * hidden * shape.intermediate_size)
    tokens = lengths.astype(np.float64)
    attention = layers * 2 * hidden * (tokens * tokens).sum()
    return 3 * 2 * (weights * tokens.sum() + attention)


@dataclass
class Work:
    """What was computed so far.

    Attributes:
        pairs: Training pairs.
        tokens: Their tokens.
        positions: These and the padding they were computed with.
        operations: `training_operations` of them.
    """

    pairs: int = 0
    tokens: int = 0
    positions: int = 0
    operations: float = 0.0

    def add(
        self,
        lengths: np.ndarray,
        shape: EncoderShape,
        max_tokens: int,
        max_rows: int | None,
        ranks: int = 1,
    ) -> None:
        """Add a window of pairs of so many tokens, dealt out among ranks in micro-batches."""
        self.pairs += len(lengths)
        self.tokens += int(lengths.sum())
        self.operations += training_operations(lengths, shape)
        for share in deal(lengths, ranks):
            for part in micro_batches(lengths[share], max_tokens, max_rows):
                self.positions += len(part) * int(lengths[share][part].max())

    def report(self, seconds: float, machine: float | None) -> dict[str, Any]:
        """The numbers of results.json.

        Args:
            seconds: How long it took.
            machine: Operations a second of this machine's best matrix product; None: not known.
        """
        speed = self.operations / seconds
        numbers: dict[str, Any] = {
            "pairs": self.pairs,
            "pairs_per_second": self.pairs / seconds,
            "tokens_per_pair": self.tokens / self.pairs,
            "padding_share": 1 - self.tokens / self.positions,
            "gflop_per_second": speed / 1e9,
        }
        if machine is not None:
            numbers["machine_gflop_per_second"] = machine / 1e9
            numbers["share_of_machine"] = speed / machine
        return numbers
