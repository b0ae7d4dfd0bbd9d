"""The pages of the server."""

import asyncio
import html
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import fields
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Body, FastAPI, Response, Security
from fastapi.responses import HTMLResponse
from fastapi.security import HTTPBearer
from fastapi.staticfiles import StaticFiles
from fastapi_offline import FastAPIOffline
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.types import ASGIApp, Receive, Scope, Send

from infoxlm import __version__
from infoxlm.serve.errors import ErrorAnswer, RequestError, answer_errors
from infoxlm.serve.guard import Guard
from infoxlm.serve.messages import ClassifyRequest, Health, OneText, answers_of, predict_request
from infoxlm.serve.metrics import Metrics, RequestMetrics
from infoxlm.serve.service import Service

#: Nothing from elsewhere, and no other site may frame the page.
PAGE_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
}

#: Style and script of the pages of all tasks.
COMMON = Path(__file__).parent / "page"

#: Statuses of refusals, for the documentation.
REFUSALS = {
    400: "The body is not JSON in UTF-8",
    401: "The key is missing or wrong",
    408: "The body did not come in time",
    413: "The body is too large",
    415: "The body is said to be something else than JSON in UTF-8",
    422: "Something is missing, of the wrong type, too long or too many",
    429: "Too many requests wait; Retry-After says when to try again",
    503: "The model could not be run",
    504: "No answer in time",
}


def create_app(service: Service, metrics: Metrics, key: str | None = None) -> FastAPI:
    """Make the web application.

    Args:
        service: What predicts; it is closed when the application ends.
        metrics: What is counted.
        key: What clients have to send as `Authorization: Bearer KEY`; None: nothing.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        yield
        await asyncio.to_thread(service.batcher.close)

    limits, inference = service.limits, service.predictor.inference
    app = FastAPIOffline(
        redoc_url=None,
        redirect_slashes=False,  # to whatever host the request names
        title="infoxlm",
        version=__version__,
        description=(
            f"{inference.description}\n\n"
            f"At most {limits.request_pairs} {inference.plural} a request, "
            f"{limits.text_characters:,} characters a text, {limits.body_bytes:,} bytes a body, "
            f"{inference.length_text(service.predictor.max_length)}."
        ),
        lifespan=lifespan,
    )
    answer_errors(app)
    security = [] if key is None else [Security(HTTPBearer(auto_error=False))]
    app.include_router(computing_pages(service), dependencies=security)
    app.include_router(metrics_page(metrics), dependencies=security)
    app.include_router(health_pages(service))

    if inference.page is not None:
        app.include_router(front_page(inference.page, inference.page_words))
        app.mount("/page", StaticFiles(directory=inference.page), name="page")
        app.mount("/common", StaticFiles(directory=COMMON), name="common")
    app.add_middleware(WholeFiles)
    app.add_middleware(Guard, key=key, limits=limits)
    pages = frozenset(app.openapi()["paths"]) | {"/", "/docs"}
    app.add_middleware(RequestMetrics, metrics=metrics, pages=pages)
    metrics.follow(lambda: service.batcher.pending)
    return app


def front_page(folder: Path, words: Mapping[str, str]) -> APIRouter:
    """The task's page for people.

    Args:
        folder: Where its index.html is.
        words: What stands there for names in double braces; a model's labels may be anybody's.
    """
    router = APIRouter()
    text = (folder / "index.html").read_text(encoding="utf-8")
    text = re.sub(r"{{(\w+)}}", lambda found: html.escape(words[found[1]]), text)

    @router.get("/", include_in_schema=False)
    async def page() -> HTMLResponse:
        return HTMLResponse(text, headers=PAGE_HEADERS)

    return router


class WholeFiles:
    """Sends files whole, as a server may: Starlette refuses a wrong range in plain text.

    Args:
        app: What answers.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "http":
            headers = [(name, value) for name, value in scope["headers"] if name != b"range"]
            scope = {**scope, "headers": headers}
        await self._app(scope, receive, send)


def computing_pages(service: Service) -> APIRouter:
    """The routes that predict."""
    documented: dict[int | str, dict[str, Any]] = {
        status: {"model": ErrorAnswer, "description": what} for status, what in REFUSALS.items()
    }
    router = APIRouter(responses=documented)

    inference = service.predictor.inference
    request_type, answers_type = predict_request(inference), answers_of(inference)

    @router.post("/predict", response_model=answers_type, description=inference.request_text)
    async def predict(request: Annotated[request_type, Body()]) -> Any:  # type: ignore[valid-type]
        several = getattr(request, inference.plural, None)
        places = ["body"]
        if several is not None:
            places = [f"body.{inference.plural}[{number}]" for number in range(len(several))]
        names = [field.name for field in inference.fields]
        rows = [
            tuple(getattr(each, name) for name in names)
            for each in ([request] if several is None else several)
        ]
        truncate = request.truncate  # type: ignore[attr-defined]
        return answers(await service.predict(rows, places, truncate))

    if not inference.sorts_texts:
        return router

    @router.post("/classify", response_model=answers_type)
    async def classify(request: Annotated[ClassifyRequest, Body()]) -> Any:
        """Sort one text, or many, into labels of your own (zero-shot classification)."""
        if isinstance(request, OneText):
            texts, places = [request.text], ["body.text"]
        else:
            texts = request.texts
            places = [f"body.texts[{number}]" for number in range(len(texts))]
        predictions = await service.classify(
            texts,
            places,
            request.labels,
            request.template,
            multi_label=request.multi_label,
            truncate=request.truncate,
        )
        return answers(predictions)

    return router


def answers(predictions: list[Any]) -> dict[str, Any]:
    """The body of an answer, made from predictions."""
    return {
        "predictions": [
            {field.name: getattr(each, field.name) for field in fields(each)}
            for each in predictions
        ]
    }


def health_pages(service: Service) -> APIRouter:
    """The health routes, for an orchestrator."""
    router = APIRouter()

    @router.get("/health/live", summary="Liveness")
    async def live() -> Health:
        """Say 200 while the server answers at all."""
        return Health(status="alive")

    refusal: dict[int | str, dict[str, Any]] = {503: {"model": ErrorAnswer}}

    @router.get("/health/ready", summary="Readiness", responses=refusal)
    async def ready() -> Health:
        """Say 200 while requests are welcome, 503 while the model is loaded or the server stops."""
        if not service.ready:
            what = "the server is stopping" if service.stopping() else "the model is being loaded"
            raise RequestError(503, what, "server", "Try again.", {"Retry-After": "1"})
        return Health(status="ready")

    return router


def metrics_page(metrics: Metrics) -> APIRouter:
    """The route of the metrics, for Prometheus."""
    router = APIRouter()
    text: dict[int | str, dict[str, Any]] = {
        200: {"content": {"text/plain": {"schema": {"type": "string"}}}},
        401: {"model": ErrorAnswer},
    }

    @router.get("/metrics", summary="Metrics", response_class=Response, responses=text)
    async def read() -> Response:
        """Show counts of requests, batches, tokens and seconds, in Prometheus's text format."""
        return Response(metrics.text(), media_type=CONTENT_TYPE_LATEST)

    return router
