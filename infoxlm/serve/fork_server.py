"""A process that has loaded the model, and forks those that compute with it.

A forked process computes a fifth of a second after the one before it ended, where a new one
imports and loads for one and a half; and all of them share the weights in memory, but for what
oneDNN lays out again. Only what has not computed yet may be forked: the threads that Paddle starts
with its first run would be missing.
"""

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from multiprocessing.connection import Connection
from multiprocessing.connection import wait as wait_for
from multiprocessing.process import BaseProcess
from multiprocessing.reduction import recv_handle, send_handle

from infoxlm.deploy.paddle_inference import PaddleInference
from infoxlm.deploy.runtimes import LoadedRuntime
from infoxlm.errors import UserError
from infoxlm.serve.computing import (
    END_SECONDS,
    Model,
    compute,
    ignore_signals,
    start_process,
    wait_for_model,
)


def may_fork(model: Model) -> bool:
    """Tell whether processes that compute with a model may be forked from one that has loaded it.

    Nothing may have threads of its own before: an ONNX session has, and a GPU's context cannot be
    shared. Elsewhere than on Linux forking is not safe with the system's own libraries.
    """
    by_paddle = model.folder.program is not None and model.runtime != "onnx"
    return sys.platform == "linux" and model.device == "cpu" and by_paddle


class ForkedProcess:
    """A process that another one forked for this one.

    Args:
        pid: Its number.
        life: Gets its exit code when it ends; the other end closes with it in any case.

    Attributes:
        pid: Its number.
        exitcode: None while it runs; less than 0 after a signal; 255 if nobody could tell.
        sentinel: Can be read from once it has ended.
    """

    def __init__(self, pid: int, life: Connection) -> None:
        self.pid = pid
        self.exitcode: int | None = None
        self._life = life
        self._asking = threading.Lock()

    @property
    def sentinel(self) -> int:
        """A file descriptor to wait on, as other processes have one."""
        return self._life.fileno()

    def join(self, timeout: float | None = None) -> None:
        """Wait for its end."""
        wait_for([self._life], timeout)
        with self._asking:
            if self.exitcode is None and self._life.poll():
                try:
                    self.exitcode = self._life.recv()
                except (EOFError, OSError):
                    self.exitcode = 255
                # What is closed cannot be waited for: an end that is read from stays readable.

    def is_alive(self) -> bool:
        """Tell whether it runs."""
        self.join(0)
        return self.exitcode is None

    def kill(self) -> None:
        """End it at once."""
        if self.is_alive():
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)


class ForkServer:
    """Starts processes that compute, forked from one that holds the model.

    That one is started again, should it end; those that it has forked stay up without it.

    Args:
        model: What they compute with; it `may_fork`.
    """

    def __init__(self, model: Model) -> None:
        self._model = model
        self._asking = threading.Lock()
        self._loaded = False
        self._connection, self._process = start_process(fork_when_asked, model)

    def start(self, rows: int) -> tuple[Connection, ForkedProcess]:
        """Fork a process that tells over the connection when it is ready, and then computes.

        Args:
            rows: Rows of the batch that it is tried with before it is ready.

        Raises:
            UserError: The model cannot be loaded.
        """
        with self._asking:
            if not self._process.is_alive():
                self._connection.close()
                self._loaded = False
                self._connection, self._process = start_process(fork_when_asked, self._model)
            if not self._loaded:
                wait_for_model(self._connection, self._process)
                self._loaded = True
            pipe = multiprocessing.Pipe
            (mine, other), (life, its_life) = pipe(), pipe(duplex=False)
            with other, its_life:
                self._connection.send(rows)
                for end in (other, its_life):
                    send_handle(self._connection, end.fileno(), self._process.pid)
                try:
                    return mine, ForkedProcess(self._connection.recv(), life)
                except EOFError as error:  # it is ending just now
                    raise OSError("the process that forks others ended") from error

    def close(self) -> None:
        """End it, when those that it forked have been ended."""
        self._connection.close()
        self._process.join(END_SECONDS)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()


def fork_when_asked(connection: Connection, model: Model) -> None:
    """Load a model, say so, and fork until the other end closes; the work of a process."""
    ignore_signals()
    try:
        loaded = model.load()
        assert isinstance(loaded, PaddleInference)
        loaded.prepare()
    except UserError as error:
        connection.send((error.problem, error.remedy))
        return
    connection.send(None)
    children: dict[BaseProcess, Connection] = {}
    with suppress(EOFError, OSError):  # the server has gone
        while True:
            sentinels = [child.sentinel for child in children]
            if connection in wait_for([connection, *sentinels]):
                child, life = forked(connection, loaded, list(children.values()))
                children[child] = life
                connection.send(child.pid)
            for child in [child for child in children if not child.is_alive()]:
                with children.pop(child) as life, suppress(OSError):
                    life.send(child.exitcode)


def forked(
    connection: Connection, model: LoadedRuntime, others: Sequence[Connection]
) -> tuple[BaseProcess, Connection]:
    """Fork a process as it is asked for, and give it with the connection that its end is sent to.

    Args:
        connection: The server's.
        model: Not used before.
        others: Where the ends of other processes are sent, which is not this one's business.
    """
    rows = connection.recv()
    other, life = Connection(recv_handle(connection)), Connection(recv_handle(connection))
    context = multiprocessing.get_context("fork")
    child = context.Process(target=compute_forked, args=(other, model, rows, [connection, *others]))
    with other:
        child.start()
    return child, life


def compute_forked(
    connection: Connection, model: LoadedRuntime, rows: int, others: Sequence[Connection]
) -> None:
    """Compute in a process that was just forked, with its own connection only."""
    for other in others:
        other.close()
    compute(connection, lambda: model, rows)
