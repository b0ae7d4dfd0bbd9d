"""The batches of a stream: drawn for a step, shared among ranks, cut into micro-batches."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import paddle

from infoxlm.data.batches import micro_batches
from infoxlm.data.examples import Batch
from infoxlm.distributed.ranks import Ranks
from infoxlm.schema import HardwareConfig
from infoxlm.tasks.stream import TrainingStream
from infoxlm.train.active_vocabulary import ActiveVocabulary


@dataclass(frozen=True, eq=False)
class StreamBatch:
    """The batch of a step, with this rank's share of it.

    Attributes:
        rows: The numbers of its examples, int64 ``[n]``.
        batch: The batch.
        share: The positions in it that are this rank's, int64 ``[k]``.
        hardware: The sizes of micro-batches.
        vocabulary: Renumbers token ids where only the rows in use are trained.
    """

    rows: np.ndarray
    batch: Batch
    share: np.ndarray
    hardware: HardwareConfig
    vocabulary: ActiveVocabulary | None

    @property
    def size(self) -> int:
        """Examples of all ranks."""
        return len(self.rows)

    @property
    def targets(self) -> Mapping[str, np.ndarray]:
        """The targets of all of them by name, ``[n, ...]``; each rank has drawn the whole batch."""
        return self.batch.targets

    def micro_batches(self) -> Iterator[tuple[np.ndarray, dict[str, paddle.Tensor]]]:
        """Yield this rank's positions in the batch, int64 ``[k]``, and their arrays by name."""
        for chosen in micro_batches(
            self.batch.lengths[self.share],
            self.hardware.micro_batch_tokens,
            self.hardware.micro_batch_size,
        ):
            positions = self.share[chosen]
            yield positions, tensors_of(self.batch, positions, self.vocabulary)


@dataclass(frozen=True, eq=False)
class StreamBatches:
    """The batches of a stream, by the number of the step.

    Attributes:
        stream: The stream.
        seed: The run's.
        ranks: The processes that share each batch.
        hardware: The sizes of micro-batches.
        vocabulary: Renumbers token ids where only the rows in use are trained.
    """

    stream: TrainingStream
    seed: int
    ranks: Ranks
    hardware: HardwareConfig
    vocabulary: ActiveVocabulary | None

    @property
    def per_epoch(self) -> int:
        """Steps until as many examples were drawn as there are."""
        return self.stream.sampler.per_epoch

    def draw(self, step: int, rows: np.ndarray | None = None) -> StreamBatch:
        """Draw the batch of a step.

        Args:
            step: Its number; 0 is the first step.
            rows: Other examples than the step's.
        """
        rows = self.stream.sampler.rows(step) if rows is None else rows
        batch = self.stream.examples.batch(rows, (self.seed, step, self.stream.number))
        share = self.ranks.shares(batch.lengths)[self.ranks.rank]
        return StreamBatch(rows, batch, share, self.hardware, self.vocabulary)


def tensors_of(
    batch: Batch, positions: np.ndarray, vocabulary: ActiveVocabulary | None
) -> dict[str, paddle.Tensor]:
    """A micro-batch by name, its token ids as the model's tables number them.

    Args:
        batch: The batch.
        positions: The positions of the examples in it, int64 ``[k]``.
        vocabulary: Renumbers token ids where only the rows in use are trained.
    """
    arrays = batch.arrays(positions)
    if vocabulary is not None:
        for name in batch.token_arrays:
            arrays[name] = vocabulary.compact(arrays[name])
    return {name: paddle.to_tensor(values) for name, values in arrays.items()}
