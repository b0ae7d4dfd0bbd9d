"""A log that does not fill the disk: what is the same is said once a second."""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

#: Where a record keeps what was decided about it.
DECISION = "infoxlm_is_no_repeat"


class RepeatFilter(logging.Filter):
    """Lets a warning or an error through once a second, and then says how many it left out.

    Two are the same if they are of one logger and their first lines of one form of words, whatever
    numbers fill it. What is less than a warning always passes.

    Args:
        seconds: How long the same is left out.
        clock: What tells the time.
    """

    def __init__(self, seconds: float = 1.0, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._seconds = seconds
        self._clock = clock
        #: When each was last said, and how often it was left out since.
        self._said: dict[tuple[str, int, str], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Tell whether a record is to be written."""
        if record.levelno < logging.WARNING:
            return True
        # Every handler asks about the same record.
        if not hasattr(record, DECISION):
            setattr(record, DECISION, self._decide(record))
        return getattr(record, DECISION)

    def _decide(self, record: logging.LogRecord) -> bool:
        """Tell whether a record differs from what was just said, and add what was left out."""
        # asyncio's further lines name objects by their addresses.
        key = (record.name, record.levelno, str(record.msg).partition("\n")[0])
        now = self._clock()
        last, left_out = self._said.get(key, (now - self._seconds, 0))
        if now - last < self._seconds:
            self._said[key] = (last, left_out + 1)
            return False
        self._said[key] = (now, 0)
        if left_out:
            record.msg, record.args = f"{record.getMessage()} ({left_out} more left out)", ()
        return True


@contextmanager
def repeats_left_out() -> Iterator[None]:
    """Leave repeats out of everything that is logged while the block lasts."""
    repeats = RepeatFilter()
    handlers = logging.getLogger().handlers[:]
    for handler in handlers:
        handler.addFilter(repeats)
    try:
        yield
    finally:
        for handler in handlers:
            handler.removeFilter(repeats)
