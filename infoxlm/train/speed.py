"""Training speed and what the machine could do: throughput, FLOPs, a matmul benchmark."""

import time
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import paddle

from infoxlm.data.batches import micro_batches
from infoxlm.distributed.sharding import shard
from infoxlm.model.cpu.bf16.half import narrow
from infoxlm.model.cpu.bf16.onednn import multiply
from infoxlm.schema import Amp, HardwareConfig

#: Rows and columns of the matrices that are multiplied; larger ones are no faster on the CPUs
#: tried.
MATRIX = 2048

#: Seconds between two measurements, each of which takes a tenth of one.
INTERVAL = 30.0


class Throughput:
    """Examples, and the seconds they took; scoring and saving are not counted.

    Args:
        examples: Examples before the run was resumed.
        seconds: Time spent on them.

    Attributes:
        examples: Examples so far.
        seconds: Time spent on them.
    """

    def __init__(self, examples: int = 0, seconds: float = 0.0) -> None:
        self.examples = examples
        self.seconds = seconds
        self._asked = (examples, seconds)

    def add(self, examples: int, started: float) -> None:
        """Add examples whose work began at a time of `time.perf_counter` and has just ended."""
        self.seconds += time.perf_counter() - started
        self.examples += examples

    def since_last_asked(self) -> float:
        """Examples per second since the last call, or since the beginning."""
        examples, seconds = self._asked
        self._asked = (self.examples, self.seconds)
        return (self.examples - examples) / (self.seconds - seconds)


class EncoderShape(Protocol):
    """The sizes in a model's configuration that decide the number of FLOPs."""

    hidden_size: int
    intermediate_size: int
    num_hidden_layers: int


def training_flops(lengths: np.ndarray, shape: EncoderShape) -> float:
    """FLOPs of the textbook forward and backward pass over real tokens.

    A product of ``[m, k]`` and ``[k, n]`` matrices is ``2 m k n`` operations, the backward pass two
    such products for each of the forward pass (Kaplan et al. 2020, section 2.1). Counted are the
    blocks' projections and attention over every real token; work that was cleverly left out counts
    as done, work on padding does not.

    Args:
        lengths: Tokens of each example, int64 ``[n]``.
        shape: The encoder's.
    """
    hidden, layers = shape.hidden_size, shape.num_hidden_layers
    weights = layers * (4 * hidden * hidden + 2 * hidden * shape.intermediate_size)
    tokens = lengths.astype(np.float64)
    attention = layers * 2 * hidden * (tokens * tokens).sum()
    return 3 * 2 * (weights * tokens.sum() + attention)


@dataclass
class FlopCounter:
    """Counts of examples, tokens and FLOPs since the run began.

    Attributes:
        examples: Training examples.
        tokens: Their tokens.
        positions: These and the padding they were computed with.
        flops: `training_flops` of them, and those of heads that take many.
    """

    examples: int = 0
    tokens: int = 0
    positions: int = 0
    flops: float = 0.0

    def add(
        self,
        lengths: np.ndarray,
        shape: EncoderShape,
        hardware: HardwareConfig,
        ranks: int = 1,
        flops_share: float = 1.0,
        head: float = 0.0,
    ) -> None:
        """Add a batch of examples of so many tokens, sharded among ranks in micro-batches.

        Args:
            lengths: Tokens of each example, int64 ``[n]``.
            shape: The encoder's.
            hardware: The sizes of micro-batches.
            ranks: The processes that share the batch.
            flops_share: The share of `training_flops` that the objective takes.
            head: The FLOPs of its head.
        """
        self.examples += len(lengths)
        self.tokens += int(lengths.sum())
        self.flops += flops_share * training_flops(lengths, shape) + head
        for share in shard(lengths, ranks):
            for micro_batch in micro_batches(
                lengths[share], hardware.micro_batch_tokens, hardware.micro_batch_size
            ):
                self.positions += len(micro_batch) * int(lengths[share][micro_batch].max())

    def report(self, seconds: float, machine: float | None) -> dict[str, Any]:
        """The numbers of results.json.

        Args:
            seconds: The seconds that the training steps took.
            machine: FLOPs a second of this machine's best matrix product; None: not known.
        """
        speed = self.flops / seconds
        numbers: dict[str, Any] = {
            "pairs": self.examples,
            "pairs_per_second": self.examples / seconds,
            "tokens_per_pair": self.tokens / self.examples,
            "padding_share": 1 - self.tokens / self.positions,
            "gflop_per_second": speed / 1e9,
        }
        if machine is not None:
            numbers["machine_gflop_per_second"] = machine / 1e9
            numbers["share_of_machine"] = speed / machine
        return numbers


class MatmulBenchmark:
    """Matrix products, timed every now and then: what this machine's CPU can do.

    Args:
        device: ``cpu``, or a GPU, on which nothing is measured.
        amp: The precision of the products; they are fp32 without it.
    """

    def __init__(self, device: str, amp: Amp = Amp.none) -> None:
        self._measures = device == "cpu"
        self._in_bf16 = amp is Amp.bf16
        self._found: list[float] = []
        self._next = 0.0

    @property
    def median(self) -> float | None:
        """FLOPs a second; None when nothing was measured."""
        return float(np.median(self._found)) if self._found else None

    @paddle.no_grad()
    def measure_if_due(self) -> None:
        """Measure, unless the last measurement is less than `INTERVAL` ago."""
        if not self._measures or time.perf_counter() < self._next:
            return
        # Drawn by NumPy: the state of Paddle's generator is the run's.
        matrix = paddle.to_tensor(np.random.default_rng(0).random((MATRIX, MATRIX), np.float32))
        seconds, narrowed = [], narrow(matrix) if self._in_bf16 else None
        for _ in range(4):
            started = time.perf_counter()
            if narrowed is None:
                paddle.matmul(matrix, matrix)
            else:
                multiply(narrowed, narrowed, matrix)
            seconds.append(time.perf_counter() - started)
        self._found.append(2 * MATRIX**3 / min(seconds))
        self._next = time.perf_counter() + INTERVAL
