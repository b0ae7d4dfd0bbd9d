"""A process that holds the model and computes, so that the server goes on answering meanwhile.

Paddle Inference keeps Python's global lock while it computes: in the server's own process nothing
else would run, and a second model would bring nothing.
"""

import logging
import multiprocessing
import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from multiprocessing.connection import wait as wait_for
from typing import Self

import numpy as np

from infoxlm.deploy.model_folder import INPUT, ModelFolder
from infoxlm.deploy.runtimes import load_runtime
from infoxlm.errors import UserError
from infoxlm.serve.batching import RuntimeEndedError

logger = logging.getLogger(__name__)

#: Ctrl-C and a service manager's SIGTERM reach every process, but the server says when to end.
SIGNALS = (signal.SIGINT, signal.SIGTERM)

#: How long a process may take to end once its connection is closed.
END_SECONDS = 5

#: Seconds before the next attempt at a process that could not be started; each waits twice as long.
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 30.0


class WorkerError(Exception):
    """A process could not score a batch."""


class Worker:
    """A model in a process of its own, started again whenever it ends; a `Runtime` for one thread.

    Args:
        folder: Where the model lies.
        runtime: `paddle` or `onnx`; None: Paddle's, unless only ONNX is there.
        device: `cpu`, `gpu` or `gpu:N`.
        threads: Threads to compute with.
    """

    name = "a process of its own"

    def __init__(self, folder: ModelFolder, runtime: str | None, device: str, threads: int) -> None:
        self._arguments = (folder, runtime, device, threads)
        self._ready = threading.Event()
        self._closing = threading.Event()
        #: Held while a batch is computed, and while the connection is replaced.
        self._exchanging = threading.Lock()
        self._keeper: threading.Thread | None = None
        #: Rows of what a process is tried with before it is ready: 1, or 2 after larger batches.
        #: Single rows may have a program of their own, and either takes a second to load.
        self._rows = 1
        self._start()

    def _start(self) -> None:
        """Start the process, which then loads the model; `wait` tells when it is there."""
        context = multiprocessing.get_context("spawn")
        connection, other_end = context.Pipe()
        process = context.Process(target=work, args=(other_end, *self._arguments, self._rows))
        resource_tracker.ensure_running()  # it would take the mask off
        # The mask is inherited; the process takes it off when it ignores both.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        try:
            process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
            other_end.close()
        self._connection, self._process = connection, process

    def wait(self) -> None:
        """Wait until the model is loaded.

        Raises:
            UserError: It cannot be.
        """
        try:
            refusal = self._connection.recv()
        except (EOFError, OSError) as error:
            self._process.join(END_SECONDS)
            raise UserError(
                f"the process that loads the model ended with code {self._process.exitcode}",
                "Take fewer workers or a smaller model, if memory was short.",
            ) from error
        if refusal is not None:
            raise UserError(*refusal)

    def keep(self) -> None:
        """Start the process again whenever it ends, from now until `close`."""
        self._ready.set()
        self._keeper = threading.Thread(target=self._keep, name="keeper", daemon=True)
        self._keeper.start()

    def _keep(self) -> None:
        """Wait for the process to end, and start another; the work of a thread."""
        pause = FIRST_PAUSE
        while True:
            wait_for([self._process.sentinel])
            self._ready.clear()
            try:
                with self._exchanging:
                    if self._closing.is_set():
                        return
                    self._process.join()
                    code = self._process.exitcode
                    logger.error("a process that computes ended with code %s; restarting it", code)
                    self._connection.close()
                    self._start()
                self.wait()
            except (UserError, OSError) as error:
                if self._closing.wait(pause):
                    return
                logger.error("a process that computes could not be started: %s", error)
                pause = min(2 * pause, LONGEST_PAUSE)
            else:
                pause = FIRST_PAUSE
                self._ready.set()

    @property
    def ready(self) -> bool:
        """Whether the process runs and has loaded the model."""
        return self._ready.is_set()

    @property
    def pid(self) -> int | None:
        """The process's number."""
        return self._process.pid

    def is_alive(self) -> bool:
        """Whether the process runs."""
        return self._process.is_alive()

    def run(self, input_ids: np.ndarray) -> np.ndarray:
        """Score padded token ids, int64 `[batch, seq]`, as logits, float32 `[batch, labels]`.

        Raises:
            WorkerError: The model failed.
            RuntimeEndedError: The process has ended, for want of memory say.
        """
        with self._exchanging:
            self._rows = min(2, len(input_ids))
            try:
                if not self.ready:
                    raise EOFError
                self._connection.send(input_ids)
                answer = self._connection.recv()
            except (EOFError, OSError) as error:
                self._ready.clear()  # the thread that starts it again may notice later
                raise RuntimeEndedError("the process that computes ended") from error
        if isinstance(answer, str):
            raise WorkerError(answer)
        return answer

    def clone(self) -> Self:
        """Start another process."""
        return type(self)(*self._arguments)

    def close(self) -> None:
        """End the process."""
        with self._exchanging:
            self._closing.set()
            if self._keeper is None or self.ready:
                self._connection.close()
            else:  # it is being loaded again, and its thread reads from the connection
                self._process.kill()
        self._process.join(END_SECONDS)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()
        if self._keeper is not None:
            self._keeper.join()
            self._connection.close()


@contextmanager
def started(
    count: int, folder: ModelFolder, runtime: str | None, device: str, threads: int
) -> Iterator[Sequence[Worker]]:
    """Start processes side by side, and end them when the block does.

    Args:
        count: How many.
        folder: Where the model lies.
        runtime: `paddle` or `onnx`; None: Paddle's, unless only ONNX is there.
        device: `cpu`, `gpu` or `gpu:N`.
        threads: Threads that they share.

    Raises:
        UserError: The model cannot be loaded.
    """
    each = max(1, threads // count)
    workers: list[Worker] = []
    try:
        for _ in range(count):
            workers.append(Worker(folder, runtime, device, each))
        for worker in workers:
            worker.wait()
        for worker in workers:
            worker.keep()
        yield workers
    finally:
        for worker in workers:
            worker.close()


def work(
    connection: Connection,
    folder: ModelFolder,
    runtime: str | None,
    device: str,
    threads: int,
    rows: int,
) -> None:
    """Load a model, say so, and score what comes until the other end closes."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
    try:
        try:
            model = load_runtime(folder, runtime, device=device, threads=threads)
            model.run(np.zeros((rows, 8), np.int64))  # the first call is slower than the others
        except UserError as error:
            connection.send((error.problem, error.remedy))
            return
        connection.send(None)
        while True:
            input_ids = connection.recv()
            try:
                answer: np.ndarray | str = model.run(input_ids)
            except Exception as error:  # onnxruntime's exceptions have no base class of their own
                answer = f"{model.name}, {INPUT} {list(input_ids.shape)}: {error}"
            connection.send(answer)
    except (EOFError, OSError):  # the server has gone
        return
