"""Timings of a run: seconds by section."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import psutil


def seconds_since_start() -> float:
    """Seconds since this process was started, the interpreter's own start included."""
    return time.time() - psutil.Process().create_time()


class Timings:
    """The seconds of each section of a run, added up.

    Attributes:
        seconds: By the name of the part.
    """

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def measure(self, part: str) -> Iterator[None]:
        """Time a part, also when it ends with an error."""
        started = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[part] = self.seconds.get(part, 0.0) + time.perf_counter() - started

    def record_once(self, part: str) -> None:
        """Note how long after its start this process came here for the first time."""
        if part not in self.seconds:
            self.seconds[part] = seconds_since_start()
