"""An address that a server of this machine listens on."""

import errno
import socket

from infoxlm.errors import UserError

#: By the kind of refusal.
REMEDIES = {
    errno.EADDRINUSE: "Stop what uses it, or give another port.",
    errno.EACCES: "Give a port from 1024 on; those below are the system's.",
}


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
        raise no_address(host, error) from error
    try:
        # Else the port of a server that just ended counts as used for a minute.
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
    except OSError as error:
        bound.close()
        if error.errno == errno.EADDRNOTAVAIL:
            raise no_address(host, error) from error
        raise UserError(
            f"host={host} port={port} cannot be listened on ({error.strerror})",
            REMEDIES.get(error.errno or 0, "Give another host or port."),
        ) from error
    return bound


def no_address(host: str, error: Exception) -> UserError:
    """The error for a host that is not this machine."""
    return UserError(
        f"host={host} is no address here ({getattr(error, 'strerror', None) or error})",
        "Give another.",
    )


def url_of(bound: socket.socket) -> str:
    """The URL to type into a browser."""
    host, port = bound.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
