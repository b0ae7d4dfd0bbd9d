"""A process that holds the model and computes, so that the server keeps answering meanwhile.

Paddle Inference keeps Python's global lock while it computes: in the server's own process nothing
else would run, and a second model would bring nothing.
"""

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, nullcontext
from functools import partial
from multiprocessing.connection import Connection
from multiprocessing.connection import wait as wait_for
from typing import Any, Self

import numpy as np

from infoxlm.deploy.model_folder import ModelFolder
from infoxlm.errors import UserError
from infoxlm.schema import Amp
from infoxlm.serve.batching import RuntimeEndedError
from infoxlm.serve.computing import (
    END_SECONDS,
    Model,
    load_and_compute,
    start_process,
    wait_for_model,
)
from infoxlm.serve.fork_server import ForkServer, may_fork

logger = logging.getLogger(__name__)

#: Starts a process that computes, given the rows that it is tried with.
Start = Callable[[int], tuple[Connection, Any]]

#: Seconds before the next attempt at a process that could not be started; each waits twice as long.
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 30.0


class WorkerError(Exception):
    """A process could not score a batch."""


class Worker:
    """A model in a process of its own, started again whenever it ends; a `Runtime` for one thread.

    Args:
        start: Starts a process that loads the model, says so, and computes.
    """

    name = "a process of its own"

    def __init__(self, start: Start) -> None:
        self._start_process = start
        self._ready = threading.Event()
        self._closing = threading.Event()
        #: Locked while a batch is computed, and while the connection is replaced.
        self._exchanging = threading.Lock()
        self._keeper: threading.Thread | None = None
        #: Rows of what a process is tried with before it is ready: 1, or 2 after larger batches.
        #: Single rows may have a program of their own, and either takes a second to load.
        self._rows = 1
        self._start()

    def _start(self) -> None:
        """Start the process; `wait` tells when the model is there."""
        self._connection, self._process = self._start_process(self._rows)

    def wait(self) -> None:
        """Wait until the model is loaded.

        Raises:
            UserError: It cannot be.
        """
        wait_for_model(self._connection, self._process)

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
        """Tell whether the process runs."""
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
        return type(self)(self._start_process)

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
    count: int,
    folder: ModelFolder,
    runtime: str | None,
    device: str,
    threads: int,
    amp: Amp = Amp.none,
) -> Iterator[Sequence[Worker]]:
    """Start processes side by side, and end them when the block does.

    Args:
        count: How many.
        folder: Where the model lies.
        runtime: `paddle` or `onnx`; None: Paddle's, unless only ONNX is there.
        device: `cpu`, `gpu` or `gpu:N`.
        threads: Threads that they share.
        amp: The precision of products.

    Raises:
        UserError: The model cannot be loaded.
    """
    model = Model(folder, runtime, device, max(1, threads // count), amp)
    workers: list[Worker] = []
    with closing(ForkServer(model)) if may_fork(model) else nullcontext() as forks:
        start = partial(start_process, load_and_compute, model) if forks is None else forks.start
        try:
            for _ in range(count):
                workers.append(Worker(start))
            for worker in workers:
                worker.wait()
            for worker in workers:
                worker.keep()
            yield workers
        finally:
            for worker in workers:
                worker.close()
