"""HTTP on one connection, as uvicorn speaks it, and for no longer than a client may take.

uvicorn has one such limit, for the time between two requests: a client that sends half a request,
or nothing at all, is waited for without end, and one that does not read its answer too.
"""

import asyncio
import contextlib
from enum import Enum
from http import HTTPStatus
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from infoxlm.serve.connections import REFUSED, Connections
from infoxlm.serve.errors import RequestError
from infoxlm.serve.limits import ConnectionLimits

#: Seconds in which a client that is refused may keep sending, so that it can read why: if
#: something unread is left when a connection is closed, TCP drops what was sent.
LINGER = 1.0


class Phase(Enum):
    """The phase of a connection; all but the last are the client's to do."""

    HEAD = "head"
    BODY = "body"
    IDLE = "idle"
    UNREAD = "unread"
    COMPUTING = "computing"

    def seconds(self, limits: ConnectionLimits) -> float:
        """The client's timeout in this phase, in seconds."""
        if self is Phase.HEAD:
            return limits.head_timeout
        return limits.body_timeout if self is Phase.BODY else limits.idle_timeout


class Connection(H11Protocol):
    """One client's connection.

    A deadline is set when a phase begins, and is not moved by single bytes that come within it.

    Args:
        connections: All of the server's.
        **options: uvicorn's own.
    """

    def __init__(self, connections: Connections, **options: Any) -> None:
        super().__init__(**options)
        self._all = connections
        self._phase: Phase | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._ended = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Accept the connection, or answer that there are too many."""
        super().connection_made(transport)
        if not self._all.admit(self, self.client[0] if self.client else ""):
            self.end(REFUSED, too_many())
            return
        self._follow()

    def data_received(self, data: bytes) -> None:
        """Take what the client sends."""
        if self._ended:
            return
        super().data_received(data)
        self._follow()

    def on_response_complete(self) -> None:
        """Wait for the next request, once an answer is sent."""
        super().on_response_complete()
        self._unset_keepalive_if_required()  # uvicorn's timer, which every byte would stop
        self._follow()

    def pause_writing(self) -> None:
        """Wait for a client that reads more slowly than it is written to."""
        super().pause_writing()
        self._follow()

    def resume_writing(self) -> None:
        """Send the rest, once the client has read."""
        super().resume_writing()
        self._follow()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._stop_timer()
        self._all.remove(self)
        super().connection_lost(exc)

    def send_400_response(self, msg: str) -> None:
        """Refuse what is not HTTP, in the form of all refusals."""
        self.end("malformed", RequestError(400, "not HTTP", "request", "Send HTTP/1.1."))

    def end(self, reason: str, refusal: RequestError | None = None) -> None:
        """Close the connection, whatever it is in the middle of.

        Args:
            reason: What is counted.
            refusal: What to answer, if no answer has begun.
        """
        self._stop_timer()
        self._all.remove(self, reason)
        if self.cycle is not None:  # whatever works on an answer need not
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        if refusal is not None and self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            self._write(refusal)
            if self._all.linger(self):
                self._ended = True
                self.flow.resume_reading()
                self.transport.write_eof()
                self._timer = self.loop.call_later(LINGER, self._close)
                return
        self._close()

    def _close(self) -> None:
        """Close the connection at once."""
        if self.transport.get_write_buffer_size():
            self.transport.abort()  # to close would be to wait until the client has read it all
        else:
            self.transport.close()

    def _follow(self) -> None:
        """Set the deadline of a phase that has begun."""
        if self._ended:
            return
        phase = self._current_phase()
        if phase is self._phase or self.transport.is_closing() and phase is not Phase.UNREAD:
            return
        self._phase = phase
        self._stop_timer()
        if phase is Phase.COMPUTING:
            self._all.work_for_client(self)
            return
        self._all.wait_for_client(self)
        self._timer = self.loop.call_later(phase.seconds(self._all.limits), self._time_out)

    def _current_phase(self) -> Phase:
        """Tell what happens next."""
        closing = self.transport.is_closing() and self.transport.get_write_buffer_size()
        if self.flow.write_paused or closing:
            return Phase.UNREAD
        if self.conn.their_state is h11.SEND_BODY:
            return Phase.BODY
        if self.cycle is not None and not self.cycle.response_complete:
            return Phase.COMPUTING
        begun, _ = self.conn.trailing_data
        return Phase.HEAD if begun or self.cycle is None else Phase.IDLE

    def _time_out(self) -> None:
        """End the connection of a client that took too long."""
        phase = self._phase
        assert phase is not None
        begun, _ = self.conn.trailing_data
        late = phase is Phase.BODY or phase is Phase.HEAD and begun
        seconds = phase.seconds(self._all.limits)
        self.end(phase.value, too_slow(phase, seconds) if late else None)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _write(self, refusal: RequestError) -> None:
        """Answer past the application, which has not been asked or has not answered."""
        answer = refusal.response()
        headers = [*self.server_state.default_headers, *answer.raw_headers]
        if (b"connection", b"close") not in headers:
            headers.append((b"connection", b"close"))
        reason = HTTPStatus(answer.status_code).phrase.encode()
        with contextlib.suppress(h11.LocalProtocolError):  # an answer to HEAD has no body
            for event in (
                h11.Response(status_code=answer.status_code, headers=headers, reason=reason),
                h11.Data(data=bytes(answer.body)),
                h11.EndOfMessage(),
            ):
                self.transport.write(self.conn.send(event) or b"")


def too_many() -> RequestError:
    """Refuse a connection that there is no room for."""
    return RequestError(
        503,
        "too many connections",
        "server",
        "Try again later, over fewer connections.",
        {"Retry-After": "1"},
    )


def too_slow(phase: Phase, seconds: float) -> RequestError:
    """Refuse a request that does not come in time."""
    return RequestError(
        408,
        f"the {phase.value} did not come within {seconds:g} s",
        phase.value,
        "Send it faster, or less at a time.",
    )
