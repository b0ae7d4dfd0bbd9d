"""A process that holds the model and computes, so that the server goes on answering meanwhile.

Paddle Inference keeps Python's global lock while it computes: in the server's own process nothing
else would run, and a second model would bring nothing.
"""

import logging
import multiprocessing
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from typing import Self

import numpy as np

from infoxlm.deploy.model_folder import INPUT, ModelFolder
from infoxlm.deploy.runtimes import load_runtime
from infoxlm.errors import UserError

logger = logging.getLogger(__name__)

#: Ctrl-C and a service manager's SIGTERM reach every process, but the server says when to end.
SIGNALS = (signal.SIGINT, signal.SIGTERM)

#: How long a process may take to end once its connection is closed.
END_SECONDS = 5


class WorkerError(Exception):
    """A process could not score a batch."""


class Worker:
    """A model in a process of its own; a `Runtime` for one thread.

    Args:
        folder: Where the model lies.
        runtime: `paddle` or `onnx`; None: Paddle's, unless only ONNX is there.
        device: `cpu`, `gpu` or `gpu:N`.
        threads: Threads to compute with.
    """

    name = "a process of its own"

    def __init__(self, folder: ModelFolder, runtime: str | None, device: str, threads: int) -> None:
        self._arguments = (folder, runtime, device, threads)
        self._start()

    def _start(self) -> None:
        """Start the process, which then loads the model; `wait` tells when it is there."""
        context = multiprocessing.get_context("spawn")
        self._connection, other_end = context.Pipe()
        self._process = context.Process(target=work, args=(other_end, *self._arguments))
        resource_tracker.ensure_running()  # it would take the mask off
        # The mask is inherited; the process takes it off when it ignores both.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        try:
            self._process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        other_end.close()

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

    @property
    def pid(self) -> int | None:
        """The process's number."""
        return self._process.pid

    def is_alive(self) -> bool:
        """Whether the process runs."""
        return self._process.is_alive()

    def run(self, input_ids: np.ndarray) -> np.ndarray:
        """Score padded token ids, int64 `[batch, seq]`, as logits, float32 `[batch, labels]`.

        A process that has ended, for want of memory say, is started anew, once.

        Raises:
            WorkerError: The model failed, or the process ended again.
            UserError: The model cannot be loaded any more.
        """
        try:
            return self._exchange(input_ids)
        except (EOFError, OSError):
            self.close()
            logger.error(
                "the process that computes ended with code %s; it is started anew",
                self._process.exitcode,
            )
        self._start()
        self.wait()
        try:
            return self._exchange(input_ids)
        except (EOFError, OSError) as error:
            raise WorkerError("the process that computes ended twice on this batch") from error

    def _exchange(self, input_ids: np.ndarray) -> np.ndarray:
        self._connection.send(input_ids)
        answer = self._connection.recv()
        if isinstance(answer, str):
            raise WorkerError(answer)
        return answer

    def clone(self) -> Self:
        """Start another process."""
        return type(self)(*self._arguments)

    def close(self) -> None:
        """End the process."""
        self._connection.close()
        self._process.join(END_SECONDS)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()


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
        yield workers
    finally:
        for worker in workers:
            worker.close()


def work(
    connection: Connection, folder: ModelFolder, runtime: str | None, device: str, threads: int
) -> None:
    """Load a model, say so, and score what comes until the other end closes."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
    try:
        try:
            model = load_runtime(folder, runtime, device=device, threads=threads)
            model.run(np.zeros((1, 8), np.int64))  # the first call is slower than the others
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
