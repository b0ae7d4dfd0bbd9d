"""A server's application around a tiny classifier, in this process."""

import asyncio
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from infoxlm.tokenization.tokenizer import InfoXLMTokenizer

pytest.importorskip("fastapi_offline")

#: Most tokens of a pair; the tiny classifier has positions for 38.
MAX_LENGTH = 32


class Gate:
    """A runtime that lets batches through one by one, when it is told to.

    Attributes:
        shapes: The shape of each batch that has come.
    """

    name = "gate"

    def __init__(self, inner: Any = None, *, opened: bool = False) -> None:
        self.shapes: list[tuple[int, ...]] = []
        self.inner = inner
        self._open = threading.Event()
        self.entered = threading.Semaphore(0)
        if opened:
            self._open.set()

    def open(self) -> None:
        self._open.set()

    def run(self, input_ids: np.ndarray) -> np.ndarray:
        self.shapes.append(input_ids.shape)
        self.entered.release()
        assert self._open.wait(30)
        if self.inner is not None:
            return self.inner.run(input_ids)
        # The second token tells rows apart.
        return np.stack([input_ids[:, 1], (input_ids > 1).sum(axis=1)], axis=1).astype(np.float32)


@pytest.fixture
def make_gate() -> Iterator[Callable[..., Gate]]:
    """Makes gates, and opens them at the end so that no thread hangs."""
    made: list[Gate] = []

    def make(*arguments: Any, **options: Any) -> Gate:
        made.append(Gate(*arguments, **options))
        return made[-1]

    yield make
    for gate in made:
        gate.open()


@pytest.fixture(scope="session")
def served_folder(
    tiny_model: Callable[..., Any], sentencepiece_file: Path, tmp_path_factory: Any
) -> Path:
    """A tiny classifier's checkpoint."""
    folder = tmp_path_factory.mktemp("served") / "model"
    tiny_model(train_max_length=MAX_LENGTH).save_pretrained(folder)
    InfoXLMTokenizer(sentencepiece_file).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def exported_folder(served_folder: Path, tmp_path_factory: Any) -> Path:
    """The same as ONNX, which a process loads in a moment."""
    pytest.importorskip("onnxruntime")
    from infoxlm.deploy.export import ExportOptions, export_model

    folder = tmp_path_factory.mktemp("served") / "exported"
    export_model(served_folder, folder, ExportOptions(onnx=True))
    return folder


@pytest.fixture(scope="session")
def predictor(served_folder: Path) -> Any:
    """The predictor that the server has to agree with."""
    from infoxlm.deploy import Predictor

    return Predictor.load(served_folder)


@contextmanager
def application_of(
    predictor: Any,
    runtime: Any = None,
    key: str | None = None,
    batch_tokens: int = 256,
    **limits: Any,
) -> Iterator[Any]:
    """Make an application around a predictor."""
    from infoxlm.serve.app import create_app
    from infoxlm.serve.batching import Batcher
    from infoxlm.serve.limits import Limits
    from infoxlm.serve.metrics import Metrics
    from infoxlm.serve.service import Service

    metrics, accepted = Metrics(), Limits(**limits)
    runtimes = [runtime or predictor.runtime]
    batcher = Batcher(runtimes, batch_tokens, accepted.waiting_pairs, metrics.batch)
    try:
        service = Service(predictor, batcher, accepted)
        app = create_app(service, metrics, key)
        app.state.service = service
        yield app
    finally:
        if isinstance(runtime, Gate):
            runtime.open()
        batcher.close()


@pytest.fixture
def application(predictor: Any) -> Callable[..., Any]:
    """Makes an application: `with application(key=..., runtime=..., waiting_pairs=...) as app`."""
    return partial(application_of, predictor)


class ByNumber:
    """A model that answers questions, with logits that follow from each token alone."""

    name = "by number"

    def run(self, input_ids: np.ndarray) -> np.ndarray:
        logits = np.stack([np.sin(input_ids * 1.3), np.cos(input_ids * 0.7)], axis=-1)
        return logits.astype(np.float32)


@pytest.fixture
def answering(sentencepiece_file: Path) -> Callable[..., Any]:
    """The same for questions: `with answering({...options of answering...}, key=...) as app`."""
    from infoxlm.deploy.predictor import Predictor
    from infoxlm.tasks.question_answering.inference import QuestionInference

    def make(options: Any = (), **limits: Any) -> Any:
        given = {"stride": 4, "max_question_length": 8, **dict(options)}
        inference = QuestionInference({"question_answering": given})
        tokenizer = InfoXLMTokenizer(sentencepiece_file)
        return application_of(Predictor(ByNumber(), tokenizer, inference, MAX_LENGTH), **limits)

    return make


@pytest.fixture
def at_once() -> Callable[..., Any]:
    """Runs `async def steps(client)` with a client of an application."""
    import httpx

    def run(app: Any, steps: Callable[[Any], Any]) -> Any:
        async def whole() -> Any:
            transport = httpx.ASGITransport(app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
                return await steps(client)

        return asyncio.run(whole())

    return run


@dataclass
class Listening:
    """An application that listens on a port of its own.

    Attributes:
        port: Of 127.0.0.1.
        service: The application's.
        server: uvicorn's.
        connections: All that are open.
        closed: How many were closed for each reason.
    """

    port: int
    service: Any
    server: Any
    connections: Any
    closed: Counter[str] = field(default_factory=Counter)

    @contextmanager
    def connection(self, sent: bytes = b"") -> Iterator[socket.socket]:
        """A connection on which something has been sent."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as opened:
            opened.sendall(sent)
            yield opened

    def ask(self, path: str = "/health/live") -> int:
        """The status that a well-behaved client gets."""
        import httpx

        url = f"http://127.0.0.1:{self.port}{path}"
        return httpx.get(url, timeout=10, trust_env=False).status_code


@pytest.fixture
def listening(application: Callable[..., Any]) -> Callable[..., Any]:
    """Serves an application: `with listening(limits, key=..., runtime=...) as served`."""
    from infoxlm.listening import bind
    from infoxlm.serve.connections import Connections
    from infoxlm.serve.limits import ConnectionLimits
    from infoxlm.serve.server import make_server, run_until_stopped

    @contextmanager
    def make(limits: dict[str, Any], **options: Any) -> Iterator[Listening]:
        closed: Counter[str] = Counter()
        connections = Connections(ConnectionLimits(**limits), lambda why: closed.update([why]))
        with application(**options) as app, bind("127.0.0.1", 0) as bound:
            service, port = app.state.service, bound.getsockname()[1]
            server = make_server(app, service, connections, access_log=False)
            thread = threading.Thread(target=run_until_stopped, args=(server, bound))
            thread.start()
            try:
                until(lambda: server.started)
                yield Listening(port, service, server, connections, closed)
            finally:
                server.should_exit = True
                if isinstance(options.get("runtime"), Gate):
                    options["runtime"].open()
                thread.join(30)
                assert not thread.is_alive()

    return make


@pytest.fixture
def soon() -> Callable[..., None]:
    """Waits until something holds."""
    return until


def until(holds: Callable[[], Any], seconds: float = 10) -> None:
    """Wait until something holds."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.01)
