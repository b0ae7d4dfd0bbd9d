"""Checks before a body is parsed: key, type, size and encoding."""

import hmac
import json

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from infoxlm.serve.abandonment import answer_while_awaited
from infoxlm.serve.errors import RequestError, undecodable
from infoxlm.serve.limits import Limits

#: The pages that compute, and those that want a key where there is one.
COMPUTING = ("/predict", "/classify")
LOCKED = (*COMPUTING, "/metrics")


class Guard:
    """Refuses requests without the key, of another type or too large; drops those hung up on.

    Args:
        app: What answers the others.
        key: The key; None: whoever reaches the server may use it.
        limits: What is accepted.
    """

    def __init__(self, app: ASGIApp, key: str | None, limits: Limits) -> None:
        self._app = app
        self._key = key
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http" or scope["path"] not in LOCKED:
            await self._app(scope, receive, send)
            return
        try:
            headers = Headers(scope=scope)
            self._check_key(headers)
            body = None
            if scope["method"] == "POST" and scope["path"] in COMPUTING:
                check_type(headers)
                body = await self._read(headers, receive)
        except RequestError as error:
            await error.response()(scope, receive, send)
        except ClientGoneError:
            return
        else:
            if body is None:
                await self._app(scope, receive, send)
            else:
                await answer_while_awaited(self._app, body, scope, receive, send)

    async def _read(self, headers: Headers, receive: Receive) -> bytes:
        """Read a body.

        Raises:
            RequestError: It is too large, or not in UTF-8.
            ClientGoneError: The client hung up.
        """
        length = headers.get("content-length", "")
        self._check_size(int(length) if length.isdecimal() else 0)
        body = bytearray()
        more = True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise ClientGoneError
            body += message.get("body", b"")
            self._check_size(len(body))
            more = message.get("more_body", False)
        check_encoding(body)
        return bytes(body)

    def _check_size(self, size: int) -> None:
        """Compare the bytes that are announced, or have come.

        Raises:
            RequestError: They are too many.
        """
        if size > (most := self._limits.body_bytes):
            raise RequestError(
                413,
                f"more than {most} bytes",
                "body",
                "Send fewer or shorter texts at a time.",
            )

    def _check_key(self, headers: Headers) -> None:
        """Compare the key in constant time.

        Raises:
            RequestError: It is missing or another.
        """
        if self._key is None:
            return
        scheme, _, given = headers.get("authorization", "").partition(" ")
        # Headers come decoded from latin-1.
        right = hmac.compare_digest(given.strip().encode("latin-1"), self._key.encode())
        if scheme.lower() != "bearer" or not right:
            raise RequestError(
                401,
                "the key is wrong" if given else "a key is needed",
                "header Authorization",
                "Send `Authorization: Bearer KEY` with the server's api_key.",
                {"WWW-Authenticate": "Bearer"},
            )


class ClientGoneError(Exception):
    """The client hung up before it had sent all."""


def check_encoding(body: bytes | bytearray) -> None:
    """Check that a body is in UTF-8; Python's json would take UTF-16 and UTF-32 as well.

    Raises:
        RequestError: It is in another encoding.
    """
    try:
        body.decode()
        if json.detect_encoding(body) in ("utf-8", "utf-8-sig"):
            return
        what = f"the body is in {json.detect_encoding(body)}"
    except UnicodeDecodeError as error:
        what = undecodable(error)
    raise RequestError(400, what, "body", "Send JSON in UTF-8.")


def check_type(headers: Headers) -> None:
    """Check that a body says to be JSON in UTF-8.

    Pages of other sites cannot send this type without asking the server first.

    Raises:
        RequestError: It says something else.
    """
    given = headers.get("content-type", "")
    kind, *parameters = (part.strip().lower() for part in given.split(";"))
    charsets = [x.partition("=")[2].strip("\"' ") for x in parameters if x.startswith("charset")]
    if kind != "application/json" or any(x not in ("utf-8", "utf8") for x in charsets):
        raise RequestError(
            415,
            f"content of type {given!r}" if given else "content of no type",
            "header Content-Type",
            "Send JSON in UTF-8 with `Content-Type: application/json`.",
        )
