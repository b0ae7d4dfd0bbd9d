"""How fast training goes, scoring and saving not counted."""

import time
from collections.abc import Iterator
from contextlib import contextmanager


class Throughput:
    """Adds up training pairs and the seconds they took.

    Args:
        pairs: Training pairs of an earlier part of the run.
        seconds: Time spent on them.

    Attributes:
        pairs: Training pairs so far.
        seconds: Time spent on them.
    """

    def __init__(self, pairs: int = 0, seconds: float = 0.0) -> None:
        self.pairs = pairs
        self.seconds = seconds
        self._asked = (pairs, seconds)

    @contextmanager
    def measure(self, pairs: int) -> Iterator[None]:
        """Time the work on some pairs."""
        started = time.perf_counter()
        yield
        self.seconds += time.perf_counter() - started
        self.pairs += pairs

    def since_last_asked(self) -> float:
        """Pairs per second since the last call, or since the beginning."""
        pairs, seconds = self._asked
        self._asked = (self.pairs, self.seconds)
        return (self.pairs - pairs) / (self.seconds - seconds)
