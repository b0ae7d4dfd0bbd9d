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
        seconds: By the name of the section.
    """

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def measure(self, section: str) -> Iterator[None]:
        """Time a section, also when it ends with an error."""
        started = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[section] = self.seconds.get(section, 0.0) + time.perf_counter() - started

    def record_once(self, section: str) -> None:
        """Record the seconds since the process was started, the first time that this is called."""
        if section not in self.seconds:
            self.seconds[section] = seconds_since_start()
