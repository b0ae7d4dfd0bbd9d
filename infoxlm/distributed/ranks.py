"""Communication among ranks: gradients, losses, probabilities, decisions."""

import contextlib
import io
import os
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

import numpy as np
import paddle
import paddle.distributed as dist

from infoxlm.distributed.sharding import shard
from infoxlm.errors import RankLostError, UserError
from infoxlm.hardware.environment import quiet_import
from infoxlm.hardware.place import ProcessInfo
from infoxlm.stopping import StopRequests

Result = TypeVar("Result")

#: Gradients are exchanged together up to this many numbers (64 MB): many small messages would wait
#: for the network's latency each, one large one would need its size in memory once more.
BUCKET = 1 << 24


class Cut(BaseException):
    """Leaves a piece of work, in all ranks at the same place, that a stop was asked for in."""


class Ranks:
    """The processes of a run, as one of them sees them; alone, nothing is exchanged.

    Every method that exchanges must be called by all ranks, in the same order.

    Args:
        rank: The number of this one.
        size: How many there are.

    Attributes:
        rank: The number of this one; 0 writes files.
        size: How many there are.
    """

    def __init__(self, rank: int = 0, size: int = 1) -> None:
        self.rank = rank
        self.size = size
        self._stop: StopRequests | None = None

    @classmethod
    def join(cls) -> "Ranks":
        """Meet the other ranks that the environment speaks of, if there are any."""
        place = ProcessInfo.of_this_process()
        if place.size > 1:
            # It says which flags paddle has set itself.
            with quiet_import(), contextlib.redirect_stdout(io.StringIO()), lost():
                dist.init_parallel_env()
        return cls(place.rank, place.size)

    def device(self, wanted: str) -> str:
        """The device of this rank, by what the configuration names: a GPU each."""
        if self.size == 1 or not wanted.startswith("gpu"):
            return wanted
        return f"gpu:{os.environ['FLAGS_selected_gpus']}"  # noqa: SIM112 (paddle's name)

    def shares(self, lengths: np.ndarray) -> list[np.ndarray]:
        """The positions of each rank's sequences among those of these lengths."""
        return shard(lengths, self.size)

    def first(self, work: Callable[[], Result]) -> Result:
        """Do something in rank 0 only, and give what came of it to all."""
        shared: list[Any] = [work() if self.rank == 0 else None]
        if self.size > 1:
            with lost():
                dist.broadcast_object_list(shared, src=0)
        return shared[0]

    def sum(self, values: np.ndarray) -> np.ndarray:
        """The sum over all ranks of float32 arrays of the same shape.

        Where each element is other than 0 in one rank at most, it is gathered exactly.
        """
        if self.size == 1:
            return values
        total = paddle.to_tensor(values)
        with lost():
            dist.all_reduce(total)
        return total.numpy()

    def wait(self) -> None:
        """Wait until all ranks have come here."""
        self.sum(np.zeros(1, np.float32))

    def check_ranks_agree(self, fingerprint: str) -> None:
        """Check that all ranks are about to train the same.

        Raises:
            UserError: Another rank has other settings, data or weights.
        """
        found: list[str] = []
        if self.size > 1:
            with lost():
                dist.all_gather_object(found, fingerprint)
        for rank, theirs in enumerate(found):
            if theirs != found[0]:
                raise UserError(
                    f"rank {rank} has other settings, data or weights than rank 0",
                    "Give each machine the same command line and the same files.",
                )

    @paddle.no_grad()
    def sum_gradients(self, parameters: Iterable[paddle.Tensor]) -> None:
        """Give the gradients' sum over all ranks to each of them.

        A rank without one, as it had no rows, counts as zero; a parameter that no rank has a
        gradient of keeps none.
        """
        if self.size == 1:
            return
        trained = [x for x in parameters if not x.stop_gradient]
        there = self.sum(np.array([x.grad is not None for x in trained], np.float32))
        for bucket in buckets([x for x, ranks in zip(trained, there, strict=True) if ranks]):
            zeros = (paddle.zeros_like(x) if x.grad is None else x.grad for x in bucket)
            flat = paddle.concat([gradient.flatten() for gradient in zeros])
            with lost():
                dist.all_reduce(flat)
            pieces = paddle.split(flat, [x.size for x in bucket])
            for parameter, piece in zip(bucket, pieces, strict=True):
                parameter.grad = piece.reshape(parameter.shape)

    def signal_number(self, stop: StopRequests) -> int | None:
        """The signal that asked some rank to stop; all get the same answer."""
        if self.size == 1:
            return stop.signal_number
        asked = np.zeros(self.size, np.float32)
        asked[self.rank] = stop.signal_number or 0
        return int(self.sum(asked).max()) or None

    def run_interruptible(self, stop: StopRequests, work: Callable[[], Result]) -> Result | None:
        """Do something that may be cut short; None, in all ranks, when a request came."""
        if self.size == 1:
            return stop.run_interruptible(work)
        self._stop = stop
        try:
            return work()
        except Cut:
            return None
        finally:
            self._stop = None

    @property
    def is_cut(self) -> bool:
        """Whether the work at hand is to be left; for this rank, until `stop_together`."""
        return self._stop is not None and self._stop.signal_number is not None

    def stop_together(self) -> None:
        """Leave the work at hand, if any rank is to.

        Raises:
            Cut: One is.
        """
        if self._stop is not None and self.sum(np.array([self.is_cut], np.float32))[0]:
            raise Cut


def buckets(parameters: list[paddle.Tensor]) -> Iterator[list[paddle.Tensor]]:
    """Group parameters, in their order, to about `BUCKET` numbers; a larger one goes alone."""
    bucket: list[paddle.Tensor] = []
    for parameter in parameters:
        if bucket and sum(x.size for x in bucket) + parameter.size > BUCKET:
            yield bucket
            bucket = []
        bucket.append(parameter)
    if bucket:
        yield bucket


@contextlib.contextmanager
def lost() -> Iterator[None]:
    """Turn what Paddle raises when a rank is gone into the error that says so."""
    try:
        yield
    except (RuntimeError, OSError) as error:
        raise RankLostError(
            "another rank of this run has ended", "What ended it is in the log of that rank."
        ) from error
