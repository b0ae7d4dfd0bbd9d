"""The open connections: how many there are, of whom, and which one has waited longest."""

import logging
from collections import Counter
from collections.abc import Callable
from ipaddress import IPv6Address
from typing import Protocol

from infoxlm.serve.limits import ConnectionLimits

logger = logging.getLogger(__name__)

#: A client of IPv6 usually has this many bits of an address to itself.
PREFIX_BITS = 64

#: Why a connection was closed to make room for another, or not accepted at all.
ROOM, REFUSED = "room", "refused"


#: Connections that were refused and may linger.
MOST_LINGERING = 128


class Closable(Protocol):
    """A connection that can be closed before its time."""

    def end(self, reason: str) -> None:
        """Close it.

        Args:
            reason: What is counted.
        """


class Connections:
    """Keeps a server's connections within its limits.

    Where they are full, the connection that has waited longest for its client is closed for a new
    one. Only if every one is being worked for is the new one refused: whoever opens connections
    and leaves them idle cannot keep others out.

    Args:
        limits: How many there may be.
        count: Called with the reason why each one is closed that the client did not close.
    """

    def __init__(
        self, limits: ConnectionLimits, count: Callable[[str], object] = lambda reason: None
    ) -> None:
        self.limits = limits
        self._count = count
        self._clients: dict[Closable, str] = {}
        self._of_client: Counter[str] = Counter()
        #: Those whose client has to send or to read next; the longest wait first.
        self._waiting: dict[Closable, None] = {}
        self._lingering: set[Closable] = set()

    def __len__(self) -> int:
        """The number of open connections."""
        return len(self._clients)

    def admit(self, connection: Closable, address: str) -> bool:
        """Take a new connection, if need be in the place of one that waits.

        Args:
            connection: The new one.
            address: The client's IP address.

        Returns:
            False if there is no room.
        """
        client = client_of(address)
        if self._of_client[client] >= self.limits.client_connections:
            full, candidates = True, (x for x in self._waiting if self._clients[x] == client)
        else:
            full, candidates = len(self) >= self.limits.connections, (x for x in self._waiting)
        if full:
            longest = next(candidates, None)
            logger.warning(
                "%d connections, %d of them of %s, are as many as may be: %s",
                len(self), self._of_client[client], client,
                "another is refused" if longest is None else "the one that waits longest is closed",
            )  # fmt: skip
            if longest is None:
                return False
            longest.end(ROOM)
        self._clients[connection] = client
        self._of_client[client] += 1
        return True

    def wait_for_client(self, connection: Closable) -> None:
        """Note that the client has to do something next."""
        self._waiting.pop(connection, None)
        if connection in self._clients:
            self._waiting[connection] = None

    def work_for_client(self, connection: Closable) -> None:
        """Note that the server has to answer next."""
        self._waiting.pop(connection, None)

    def linger(self, connection: Closable) -> bool:
        """Let a connection that is no longer counted stay for a moment, if not too many do."""
        if len(self._lingering) >= MOST_LINGERING:
            return False
        self._lingering.add(connection)
        return True

    def remove(self, connection: Closable, reason: str | None = None) -> None:
        """Forget a connection.

        Args:
            connection: It may have been removed already.
            reason: Why the server closes it; None: the client did, or an answer was the last.
        """
        self._waiting.pop(connection, None)
        self._lingering.discard(connection)
        client = self._clients.pop(connection, None)
        if client is not None:
            self._of_client[client] -= 1
            if not self._of_client[client]:
                del self._of_client[client]
        if reason is not None and (client is not None or reason == REFUSED):
            self._count(reason)


def client_of(address: str) -> str:
    """Name whoever has an IP address: with IPv6, the network that it can choose addresses from."""
    if ":" not in address:
        return address
    parsed = IPv6Address(address.partition("%")[0])
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(IPv6Address(int(parsed) >> (128 - PREFIX_BITS) << (128 - PREFIX_BITS)))
