"""Limits of a server."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """Limits on the size of one request, and of all that wait.

    Attributes:
        body_bytes: Most bytes of a request's body.
        request_pairs: Most pairs of a request; a text with n labels counts as n pairs, and a
            question as the windows that its context is read in.
        text_characters: Most characters of a text, a label or a template.
        waiting_pairs: Most pairs that are accepted and not answered yet; more are refused.
        timeout: Seconds after which a request that is not answered is given up.
    """

    body_bytes: int = 1 << 20
    request_pairs: int = 256
    text_characters: int = 10_000
    waiting_pairs: int = 1024
    timeout: float = 30.0


@dataclass(frozen=True)
class ConnectionLimits:
    """Limits on the number of connections, and timeouts of one.

    Attributes:
        connections: Most that are open at once.
        client_connections: Most of one client.
        head_timeout: Seconds for the head of a request, from its first byte or from the opening of
            a connection.
        body_timeout: Seconds for the body, from the end of the head.
        idle_timeout: Seconds between two requests, and seconds in which a client that has answers
            waiting reads nothing.
    """

    connections: int = 1024
    client_connections: int = 256
    head_timeout: float = 10.0
    body_timeout: float = 30.0
    idle_timeout: float = 75.0
