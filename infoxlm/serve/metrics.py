"""Metrics of a server, for Prometheus."""

import time
from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from infoxlm.serve.batching import Batch

#: What is counted for a request whose client hung up before it was answered, as nginx does.
HUNG_UP = 499

#: Upper bounds of the histograms: seconds of a request, pairs of a batch.
SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
PAIRS = (1, 2, 4, 8, 16, 32, 64, 128, 256)


class Metrics:
    """The metrics of one server."""

    def __init__(self) -> None:
        registry = self.registry = CollectorRegistry()
        self.requests = Counter(
            "infoxlm_requests",
            "Requests answered, or hung up on (499).",
            ("page", "status"),
            registry=registry,
        )
        self.seconds = Histogram(
            "infoxlm_request_seconds",
            "From the head of a request to the end of its answer.",
            ("page",),
            buckets=SECONDS,
            registry=registry,
        )
        self.batch_pairs = Histogram(
            "infoxlm_batch_pairs", "Pairs of a batch.", buckets=PAIRS, registry=registry
        )
        self.batch_seconds = Counter(
            "infoxlm_computing_seconds", "Time in which batches were computed.", registry=registry
        )
        self.tokens = Counter(
            "infoxlm_tokens", "Tokens of batches: of texts, and padding.", ("kind",),
            registry=registry,
        )  # fmt: skip
        self.pending = Gauge(
            "infoxlm_pending_pairs", "Pairs accepted and not answered yet.", registry=registry
        )
        self.workers = Gauge(
            "infoxlm_ready_workers", "Processes that can compute.", registry=registry
        )
        self.connections = Gauge(
            "infoxlm_connections", "Connections that are open.", registry=registry
        )
        self.closed = Counter(
            "infoxlm_closed_connections", "Connections that the server closed, and why.",
            ("reason",), registry=registry,
        )  # fmt: skip

    def batch(self, batch: Batch) -> None:
        """Count a batch."""
        self.batch_pairs.observe(batch.pairs)
        self.batch_seconds.inc(batch.seconds)
        self.tokens.labels("text").inc(batch.tokens)
        self.tokens.labels("padding").inc(batch.padded - batch.tokens)

    def close(self, reason: str) -> None:
        """Count a connection that the server closed."""
        self.closed.labels(reason).inc()

    def follow(self, pending: Callable[[], float]) -> None:
        """Ask for the number of pending pairs whenever the metrics are read."""
        self.pending.set_function(pending)

    def text(self) -> bytes:
        """All of it in Prometheus's text format."""
        return generate_latest(self.registry)


class RequestMetrics:
    """Counts requests by page and status, and times them.

    Args:
        app: What answers them.
        metrics: Where they are counted.
        pages: The paths that are told apart; a client could make up any number of others.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics, pages: frozenset[str]) -> None:
        self._app = app
        self._metrics = metrics
        self._pages = pages

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started, status = time.monotonic(), HUNG_UP

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except Exception:
            status = 500
            raise
        finally:
            page = scope["path"] if scope["path"] in self._pages else "other"
            self._metrics.requests.labels(page, str(status)).inc()
            self._metrics.seconds.labels(page).observe(time.monotonic() - started)
