"""What is checked before a body is parsed: key, type, size, and that it comes in time."""

import asyncio
import hmac

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from infoxlm.serve.errors import RequestError
from infoxlm.serve.limits import Limits

#: The pages that compute, and those that want a key where there is one.
COMPUTING = ("/predict", "/classify")
LOCKED = (*COMPUTING, "/metrics")


class Guard:
    """Refuses requests without the key, of another type, too large, or whose body does not come.

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
            if scope["method"] == "POST" and scope["path"] in COMPUTING:
                check_type(headers)
                length = headers.get("content-length", "")
                self._check_size(int(length) if length.isdecimal() else 0)
        except RequestError as error:
            await error.response()(scope, receive, send)
            return
        await self._app(scope, self._checked(receive), send)

    def _checked(self, receive: Receive) -> Receive:
        """Watch a body while it comes; what is raised there FastAPI answers as any refusal."""
        deadline = asyncio.get_running_loop().time() + self._limits.timeout
        size, whole = 0, False

        async def checked() -> Message:
            nonlocal size, whole
            if whole:  # what comes now is that the client has gone, or nothing for long
                return await receive()
            try:
                async with asyncio.timeout_at(deadline):
                    message = await receive()
            except TimeoutError:
                raise RequestError(
                    408,
                    f"the body did not come within {self._limits.timeout:g} s",
                    "body",
                    "Send it faster, or less at a time.",
                    {"Connection": "close"},
                ) from None
            size += len(message.get("body", b""))
            self._check_size(size)
            whole = not message.get("more_body", False)
            return message

        return checked

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
