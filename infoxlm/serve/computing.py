"""The work of a computing process, and starting one."""

import multiprocessing
import signal
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any

import numpy as np

from infoxlm.deploy.model_folder import INPUT, ModelFolder
from infoxlm.deploy.runtimes import LoadedRuntime, load_runtime
from infoxlm.errors import UserError
from infoxlm.schema import Amp

#: Ctrl-C and a service manager's SIGTERM reach every process, but the server says when to end.
SIGNALS = (signal.SIGINT, signal.SIGTERM)

#: How long a process may take to end once its connection is closed.
END_SECONDS = 5


@dataclass(frozen=True)
class Model:
    """A model that can be loaded in any process.

    Attributes:
        folder: Where it lies.
        runtime: `paddle` or `onnx`; None: Paddle's, unless only ONNX is there.
        device: `cpu`, `gpu` or `gpu:N`.
        threads: Threads to compute with.
        amp: The precision of products.
    """

    folder: ModelFolder
    runtime: str | None
    device: str
    threads: int
    amp: Amp = Amp.none

    def load(self) -> LoadedRuntime:
        """Load it in this process.

        Raises:
            UserError: It cannot be loaded.
        """
        return load_runtime(
            self.folder, self.runtime, device=self.device, threads=self.threads, amp=self.amp
        )


def start_process(work: Callable[..., None], *arguments: Any) -> tuple[Connection, BaseProcess]:
    """Start a process that has nothing in common with this one but a connection.

    Args:
        work: What it does; given the other end of the connection.
        *arguments: What else it is given.
    """
    context = multiprocessing.get_context("spawn")
    connection, other_end = context.Pipe()
    process = context.Process(target=work, args=(other_end, *arguments))
    resource_tracker.ensure_running()  # it would take the mask off
    # The mask is inherited; the process takes it off when it ignores both.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        process.start()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        other_end.close()
    return connection, process


def ignore_signals() -> None:
    """Leave signals that reach every process to the server, in a process that it started."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)


def wait_for_model(connection: Connection, process: Any) -> None:
    """Wait until a process says that its model is loaded.

    Args:
        connection: To the process.
        process: It.

    Raises:
        UserError: It cannot be loaded.
    """
    try:
        refusal = connection.recv()
    except (EOFError, OSError) as error:
        process.join(END_SECONDS)
        raise UserError(
            f"the process that loads the model ended with code {process.exitcode}",
            "Take fewer workers or a smaller model, if memory was short.",
        ) from error
    if refusal is not None:
        raise UserError(*refusal)


def load_and_compute(connection: Connection, model: Model, rows: int) -> None:
    """Load a model, say so, and score what comes until the other end closes."""
    compute(connection, model.load, rows)


def compute(connection: Connection, load: Callable[[], LoadedRuntime], rows: int) -> None:
    """Try a model, say that it is there, and score what comes until the other end closes.

    Args:
        connection: To the server.
        load: What gives the model.
        rows: Rows of the batch that it is tried with; the first is slower than the others.
    """
    ignore_signals()
    try:
        try:
            model = load()
            model.run(np.zeros((rows, 8), np.int64))
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
