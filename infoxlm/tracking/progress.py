"""Log lines and progress bars that share a terminal."""

import logging
import sys
import threading
from collections.abc import Iterable
from typing import Any

from tqdm import tqdm

from infoxlm.reporting.streams import visible

# Each process has bars of its own. tqdm's default lock holds a semaphore of the system's as well,
# which a rank that ends without clean-up would leave behind.
tqdm.set_lock(threading.RLock())


class ProgressHandler(logging.Handler):
    """Writes each message above the progress bar that is running, if there is one."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one message to standard error."""
        try:
            tqdm.write(visible(self.format(record)), file=sys.stderr)
        except Exception:
            self.handleError(record)


def progress(items: Iterable[Any] | None = None, *, label: str, **options: Any) -> tqdm:
    """A progress bar on a terminal; silent in a file or a pipe.

    Args:
        items: The items to iterate over; None for a bar that is moved by hand.
        label: The activity, in a word or two.
        **options: tqdm's own, such as ``total`` and ``unit``.
    """
    # tqdm hides the bar itself when disable is None and stderr is not a terminal.
    return tqdm(items, desc=label, disable=None, dynamic_ncols=True, leave=False, **options)
