"""Answers that are worked on only while somebody waits for them."""

import asyncio
import contextlib

from starlette.types import ASGIApp, Message, Receive, Scope, Send


async def answer_while_awaited(
    app: ASGIApp, body: bytes, scope: Scope, receive: Receive, send: Send
) -> None:
    """Answer a request, but cancel that as soon as the client hangs up.

    Args:
        app: What answers.
        body: The body, which has been read.
        scope: The request.
        receive: From now on tells only that the client has gone.
        send: Takes the answer.
    """
    unread: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]
    gone = asyncio.ensure_future(hang_up(receive))

    async def read_body() -> Message:
        return unread.pop() if unread else await asyncio.shield(gone)

    answering = asyncio.ensure_future(app(scope, read_body, send))
    try:
        await asyncio.wait((answering, gone), return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (answering, gone):
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await answering
        with contextlib.suppress(asyncio.CancelledError):
            await gone


async def hang_up(receive: Receive) -> Message:
    """Wait until the client hangs up, or has its answer."""
    while (message := await receive())["type"] != "http.disconnect":
        pass
    return message
