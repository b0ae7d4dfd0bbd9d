"""The web server: an address, and a stop that answers what was accepted."""

import logging
import math
import socket

import uvicorn
from fastapi import FastAPI

from infoxlm.errors import UserError
from infoxlm.serve.service import Service

logger = logging.getLogger(__name__)

#: Seconds beyond a request's own time-out before a stop cuts it off.
GRACE = 5


def bind(host: str, port: int) -> socket.socket:
    """Take an address, so that a mistake shows before a model is loaded.

    It is listened on later: until then connections are refused.

    Args:
        host: A name or an address.
        port: 0 for any that is free.

    Raises:
        UserError: The address is not this machine's, or is taken.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        bound = socket.socket(family, kind, protocol)
    except (OSError, UnicodeError) as error:
        raise UserError(f"host={host} is no address here ({error})", "Give another.") from error
    try:
        # Else the port of a server that just ended counts as used for a minute.
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
    except OSError as error:
        bound.close()
        raise UserError(
            f"host={host} port={port} cannot be listened on ({error.strerror})",
            "Stop what uses it, or give another port.",
        ) from error
    return bound


def url_of(bound: socket.socket) -> str:
    """What to type into a browser."""
    host, port = bound.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def run_until_stopped(
    app: FastAPI, service: Service, bound: socket.socket, *, access_log: bool
) -> None:
    """Serve until SIGTERM or Ctrl-C; then no connection is accepted, and what is open is answered.

    Args:
        app: The application.
        service: What it predicts with.
        bound: Where to listen.
        access_log: Log every request.

    Raises:
        KeyboardInterrupt: Once all is answered, as the signal itself would have raised it.
    """
    config = uvicorn.Config(
        app,
        log_config=None,
        log_level="info" if access_log else "warning",
        access_log=access_log,
        server_header=False,
        ws="none",
        lifespan="on",
        timeout_graceful_shutdown=math.ceil(service.limits.timeout) + GRACE,
    )
    server = uvicorn.Server(config)
    service.stopping = lambda: server.should_exit
    # From here on connections wait instead of being refused, so the address may be told.
    bound.listen(config.backlog)
    logger.info("served at %s (Ctrl-C stops it)", url_of(bound))
    server.run(sockets=[bound])
