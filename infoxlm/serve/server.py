"""The web server: an address, and a stop that answers what was accepted."""

import logging
import math
import resource
import socket
from collections.abc import Callable
from functools import partial

import uvicorn
from fastapi import FastAPI
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from infoxlm.errors import UserError
from infoxlm.listening import url_of
from infoxlm.serve.connections import MOST_LINGERING, Connections
from infoxlm.serve.protocol import Connection
from infoxlm.serve.service import Service

logger = logging.getLogger(__name__)

#: Seconds beyond a request's own time-out before a stop cuts it off.
GRACE = 5

#: Connections that asyncio accepts before it looks at any of them, and that may queue for that.
BACKLOG = 128

#: Open files for everything else, and for connections that are accepted and not yet counted, or
#: closed and not yet gone.
OTHER_FILES = 128 + 4 * BACKLOG + MOST_LINGERING


def allow_open_files(connections: int) -> None:
    """Raise this process's limit of open files to what connections and the files they ask for need.

    Beyond that limit asyncio accepts nothing, and complains without pause.

    Args:
        connections: Most that are open at once.

    Raises:
        UserError: The system does not allow it.
    """
    needed = 2 * connections + OTHER_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
    except (ValueError, OSError) as error:
        most = (hard - OTHER_FILES) // 2
        raise UserError(
            f"connections={connections} take {needed} open files, the system allows {hard}",
            f"Take at most connections={most}." if most > 0 else "Have `ulimit -Hn` raised.",
        ) from error


def closing(app: ASGIApp, stopping: Callable[[], bool]) -> ASGIApp:
    """Have answers say `Connection: close` once the server is stopping."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        async def send_closing(message: Message) -> None:
            if message["type"] == "http.response.start" and stopping():
                headers = [*message.get("headers", ()), (b"connection", b"close")]
                message = {**message, "headers": headers}
            await send(message)

        await app(scope, receive, send_closing)

    return answer


def make_server(
    app: FastAPI, service: Service, connections: Connections, *, access_log: bool
) -> uvicorn.Server:
    """Make uvicorn's server.

    Args:
        app: The application.
        service: What it predicts with; it learns here how to tell that the server is stopping.
        connections: What keeps them within their limits.
        access_log: Log every request.
    """
    config = uvicorn.Config(
        closing(app, lambda: service.stopping()),
        http=partial(Connection, connections),  # type: ignore[arg-type]
        backlog=BACKLOG,
        log_config=None,
        log_level="info" if access_log else "warning",
        access_log=access_log,
        server_header=False,
        ws="none",
        lifespan="on",
        timeout_graceful_shutdown=math.ceil(
            connections.limits.body_timeout + service.limits.timeout + GRACE
        ),
    )
    server = uvicorn.Server(config)
    service.stopping = lambda: server.should_exit
    return server


def run_until_stopped(server: uvicorn.Server, bound: socket.socket) -> None:
    """Serve until SIGTERM or Ctrl-C; then no connection is accepted, and what is open is answered.

    Args:
        server: What serves.
        bound: Where to listen.

    Raises:
        KeyboardInterrupt: Once all is answered, as the signal itself would have raised it.
    """
    # From here on connections wait instead of being refused, so the address may be shown.
    bound.listen(BACKLOG)
    logger.info("served at %s (Ctrl-C stops it)", url_of(bound))
    server.run(sockets=[bound])
