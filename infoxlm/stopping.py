"""Signals that ask for an end: finish what must not be cut, save, and say how to resume."""

import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import NoReturn, Self, TypeVar

Result = TypeVar("Result")

#: What a cluster sends some time before a limit, so that a job can save: Slurm's ``--signal``.
WARNINGS = (signal.SIGUSR1, signal.SIGUSR2)

#: What asks a run to stop.
REQUESTS = (signal.SIGINT, signal.SIGTERM, *WARNINGS)


class Interrupted(KeyboardInterrupt):
    """The command was asked to stop, and has saved all there is to save.

    Args:
        message: What was saved and how to resume, for the user.
        signal_number: The signal that asked for it.
    """

    def __init__(self, message: str, signal_number: int) -> None:
        self.message = message
        self.signal_number = signal_number
        #: The exit code by convention: 130 after Ctrl-C, 143 after SIGTERM.
        self.code = 128 + signal_number
        super().__init__(message)


def end_on_sigterm() -> None:
    """Have SIGTERM end the process as Ctrl-C does: what is open is closed and tidied up."""

    def end(number: int, frame: FrameType | None) -> NoReturn:
        raise Interrupted("terminated", number)

    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, end)


def tell_launcher(stopped: Interrupted) -> None:
    """Pass a warning of a limit on to whoever handles it in this process, when all is saved.

    A launcher such as submitit has its job queued again then, and ends the process.
    """
    if stopped.signal_number in WARNINGS:
        handler = signal.getsignal(stopped.signal_number)
        if callable(handler):
            handler(stopped.signal_number, None)


@contextmanager
def signals_deferred() -> Iterator[None]:
    """Have signals wait for the end of the block, where what their handlers raise is not lost.

    Whatever the handlers are: also those of a launcher. What Python has no handler of acts as ever.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    arrived: list[int] = []
    handlers = {
        int(number): handler
        for number in signal.valid_signals()
        if callable(handler := signal.getsignal(number))
    }
    try:
        for number in handlers:
            signal.signal(number, lambda number, _: arrived.append(number))
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        for number in arrived:
            handlers[number](number, None)


class _StopNow(BaseException):
    """Leaves work that may be cut."""


class StopRequests:
    """Notes what asks for a stop while the block lasts, instead of ending the process.

    That is Ctrl-C, SIGTERM, and SIGUSR1 and SIGUSR2, by which clusters warn of a limit; whoever
    handled these before is told afterwards (`tell_launcher`). A second Ctrl-C ends the process at
    once. In threads other than the main one, where Python has no signals, nothing is noted.

    Attributes:
        signal_number: The signal that came, or None.
    """

    def __init__(self) -> None:
        self.signal_number: int | None = None
        self._may_be_cut = False
        self._handlers: dict[int, object] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for number in REQUESTS:
                self._handlers[number] = signal.signal(number, self._note)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, handler in self._handlers.items():
            signal.signal(number, handler)  # type: ignore[arg-type]

    def run_interruptible(self, work: Callable[[], Result]) -> Result | None:
        """Do something that may be cut short anywhere; None when a request came before its end."""
        try:
            self._may_be_cut = True
            if self.signal_number is not None:
                return None
            return work()
        except _StopNow:
            return None
        finally:
            self._may_be_cut = False

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.signal_number is None:
            self.signal_number = number
            sys.stderr.write("\ninfoxlm: stopping after this step; Ctrl-C again stops at once\n")
            if self._may_be_cut:
                raise _StopNow
        elif number == signal.SIGINT:
            raise KeyboardInterrupt
