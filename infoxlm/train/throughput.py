"""How fast training goes, scoring and saving not counted."""

import time
from collections.abc import Iterator
from contextlib import contextmanager


class Throughput:
    """Adds up training pairs and the seconds they took.

    Attributes:
        pairs: Training pairs so far.
        seconds: Time spent on them.
    """

    def __init__(self) -> None:
        self.pairs = 0
        self.seconds = 0.0
        self._asked = (0, 0.0)

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
