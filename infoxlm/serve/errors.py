"""Refusals as JSON of one form: what is wrong, where, and what to do about it."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException

logger = logging.getLogger(__name__)


class ErrorDetail(BaseModel):
    """An error: the problem, the part of the request, and the remedy."""

    what: str
    where: str
    remedy: str


class ErrorAnswer(BaseModel):
    """The answer to a request that is refused."""

    error: ErrorDetail


class RequestError(HTTPException):
    """A request that is refused.

    Args:
        status: The HTTP status.
        what: What is wrong, with the value that was found.
        where: The part of the request.
        remedy: What to do about it.
        headers: More headers of the answer.
    """

    def __init__(
        self,
        status: int,
        what: str,
        where: str,
        remedy: str,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.error = {"what": what, "where": where, "remedy": remedy}
        super().__init__(status, what, headers)

    def response(self) -> JSONResponse:
        """The answer; what UTF-8 cannot hold of the request is escaped in it."""
        error = {
            key: text.encode(errors="backslashreplace").decode() for key, text in self.error.items()
        }
        return JSONResponse({"error": error}, self.status_code, self.headers)


#: What is wrong and the remedy, by the status that FastAPI and Starlette raise it with.
KNOWN = {
    400: ("the body cannot be read", "Send JSON in UTF-8."),
    404: ("there is no such page", "See /docs for what there is."),
    405: ("this method is not for this page", "See /docs for the right one."),
}


def answer_errors(app: FastAPI) -> None:
    """Have every error of an app answered in this form."""

    @app.exception_handler(HTTPException)
    async def refused(request: Request, error: HTTPException) -> JSONResponse:
        if not isinstance(error, RequestError):
            what, remedy = KNOWN.get(error.status_code, (str(error.detail), "See /docs."))
            if isinstance(error.__cause__, UnicodeDecodeError):
                what = undecodable(error.__cause__)
            where = "body" if error.status_code == 400 else request.url.path
            if error.status_code == 405:
                where = f"{request.method} {where}"
            error = RequestError(error.status_code, what, where, remedy, error.headers)
        return error.response()

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        return refusal_of(error.errors()).response()

    @app.exception_handler(Exception)
    async def failed(request: Request, error: Exception) -> JSONResponse:
        # Starlette raises it again behind this answer, and uvicorn logs the traceback.
        what = "the server failed"
        remedy = "Try again; if it happens again, the server's log says why."
        return RequestError(500, what, request.url.path, remedy).response()


def undecodable(error: UnicodeDecodeError) -> str:
    """Name the byte that is not UTF-8."""
    return f"byte {error.object[error.start]:#04x} at {error.start} is not UTF-8"


def refusal_of(errors: Sequence[Mapping[str, Any]]) -> RequestError:
    """Make one refusal of what pydantic complains of: the first complaint, and their number."""
    first = errors[0]
    if first["type"] == "json_invalid":
        what = f"the body is not JSON: {first['ctx']['error']} at character {first['loc'][-1]}"
        return RequestError(400, what, "body", "Send a JSON object in UTF-8.")
    what = first["msg"][:1].lower() + first["msg"][1:]
    if len(errors) > 1:
        what += f" (and {len(errors) - 1} more)"
    return RequestError(422, what, place(first["loc"]), "See /docs for what is expected.")


def place(location: Sequence[str | int]) -> str:
    """Write pydantic's location as `body.pairs[3].premise`."""
    written = ""
    for step in location:
        if isinstance(step, int):
            written += f"[{step}]"
        elif not step.startswith("("):  # which of several forms of a body it was taken for
            written += f".{step}" if written else step
    return written
