"""Over real sockets: how long a client may take, and what it learns when it takes longer."""

import contextlib
import json
import socket
import time
from contextlib import ExitStack

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

GET = b"GET /health/live HTTP/1.1\r\nHost: here\r\n\r\n"
BODY = json.dumps({"premise": "the cat sat", "hypothesis": "a dog"}).encode()
HEAD = (
    b"POST /predict HTTP/1.1\r\nHost: here\r\nContent-Type: application/json\r\n"
    b"Content-Length: %d\r\n\r\n" % len(BODY)
)
QUICK = {"head_timeout": 0.3, "body_timeout": 0.3, "idle_timeout": 0.3}
PATIENT = {"head_timeout": 20, "body_timeout": 20, "idle_timeout": 20}


def rest(opened):
    """All that comes until the other side closes."""
    parts = []
    while part := opened.recv(1 << 16):
        parts.append(part)
    return b"".join(parts)


def parsed(answer):
    """The status, the head and the JSON of an answer."""
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), head.decode().lower(), json.loads(body)


@pytest.mark.parametrize(
    ("sent", "reason", "what"),
    [
        (b"", "head", None),
        (GET[:-2], "head", "the head did not come within 0.3 s"),
        (HEAD + BODY[:-1], "body", "the body did not come within 0.3 s"),
        (HEAD, "body", "the body did not come within 0.3 s"),
    ],
)
def test_who_sends_no_whole_request(listening, sent, reason, what):
    with listening(QUICK | {"idle_timeout": 20}) as served:
        with served.connection(sent) as opened:
            answer = rest(opened)
        assert served.closed == {reason: 1}
        if what is None:
            assert answer == b""
            return
        status, head, content = parsed(answer)
        assert status == 408
        assert "connection: close" in head
        assert (content["error"]["what"], content["error"]["where"]) == (what, reason)


@pytest.mark.parametrize("begun", [b"GET / HTTP/1.1\r\nX: ", HEAD])
def test_single_bytes_do_not_move_the_deadline(listening, begun):
    with (
        listening(QUICK | {"idle_timeout": 20}) as served,
        served.connection(begun) as opened,
        pytest.raises(OSError),
    ):
        started = time.monotonic()
        while time.monotonic() < started + 5:
            opened.sendall(b"a")
            time.sleep(0.05)


def test_who_asks_nothing_more(listening):
    with listening(PATIENT | {"idle_timeout": 0.3}) as served, served.connection(GET) as opened:
        assert rest(opened).endswith(b'{"status":"alive"}')
        assert served.closed == {"idle": 1}


def test_a_body_that_is_refused_before_it_came(listening):
    """The rest of it is waited for no longer than for any other."""
    limits = PATIENT | {"body_timeout": 0.3}
    with listening(limits, key="secret") as served, served.connection(HEAD) as opened:
        assert parsed(rest(opened))[0] == 401
        assert served.closed == {"body": 1}


def test_who_does_not_read(listening, soon):
    many = b"GET /static-offline-docs/swagger-ui-bundle.js HTTP/1.1\r\nHost: here\r\n\r\n" * 20
    with listening(PATIENT | {"idle_timeout": 0.3}) as served, served.connection(many):
        soon(lambda: served.closed == {"unread": 1})
        soon(lambda: len(served.connections) == 0)


def test_a_connection_serves_many_requests(listening):
    """Each has its own time: together they may take longer."""
    with listening(QUICK) as served, served.connection() as opened:
        for _ in range(8):
            for part in (HEAD[:9], HEAD[9:], BODY[:9], BODY[9:]):
                opened.sendall(part)
                time.sleep(0.02)
            assert b"200 OK" in opened.recv(1 << 16)
        assert served.closed == {}


@pytest.mark.parametrize("sent", [b"\x00\x01\r\n\r\n", b"GET / HTTP/1.1\r\nX: " + b"a" * 70_000])
def test_what_is_no_request(listening, sent, caplog):
    with listening(PATIENT) as served:
        with served.connection(sent) as opened:
            status, head, content = parsed(rest(opened))
        assert (status, content["error"]["where"]) == (400, "request")
        assert "connection: close" in head
        assert served.closed == {"malformed": 1}
    assert "Traceback" not in caplog.text


def test_a_body_that_is_no_http(listening, caplog):
    chunked = HEAD.partition(b"Content-Length")[0] + b"Transfer-Encoding: chunked\r\n\r\nnone\r\n"
    with listening(PATIENT) as served, served.connection(chunked) as opened:
        assert parsed(rest(opened))[0] == 400
    assert "Traceback" not in caplog.text


def test_idle_connections_keep_nobody_out(listening, caplog):
    limits = PATIENT | {"connections": 8, "client_connections": 6}
    with listening(limits) as served, ExitStack() as stack:
        for number in range(40):
            stack.enter_context(served.connection((b"", GET[:9], HEAD + b"{", GET)[number % 4]))
            if number % 8 == 0:
                assert served.ask() == 200
        assert len(served.connections) <= 6
        assert served.ask() == 200
    assert set(served.closed) == {"room"}
    assert "6 of them of 127.0.0.1, are as many as may be: the one that waits" in caplog.text


def test_one_client_takes_no_other_s_place(listening):
    limits = PATIENT | {"connections": 50, "client_connections": 5}
    with listening(limits) as served, ExitStack() as stack:
        kept = [stack.enter_context(served.connection()) for _ in range(5)]
        for _ in range(60):
            other = stack.enter_context(socket.socket())
            other.bind(("127.0.0.2", 0))
            other.connect(("127.0.0.1", served.port))
        for opened in kept:
            opened.sendall(GET)
            assert b"200 OK" in opened.recv(1 << 16)
        assert len(served.connections) == 10
        assert served.closed == {"room": 55}


PIECES = (GET, GET[:-2], HEAD, BODY, b"\r\n", b"0\r\n\r\n", b"Expect: 100-continue\r\n")


def test_whatever_is_sent(listening, caplog, soon):
    """No bytes, in any order, end in more than a refusal; the others are served."""

    @settings(max_examples=40, deadline=None)
    @given(st.lists(st.sampled_from(PIECES) | st.binary(max_size=20), max_size=6))
    def send(parts):
        with served.connection() as opened, contextlib.suppress(OSError):
            for part in parts:
                opened.sendall(part)
        assert served.ask() == 200

    with listening(QUICK) as served:
        send()
        soon(lambda: len(served.connections) == 0)
    assert "Traceback" not in caplog.text
    assert not [record for record in caplog.records if record.exc_info]


def test_who_is_worked_for_is_not_closed_for_others(listening, make_gate, predictor, soon):
    gate = make_gate(predictor.runtime)
    limits = PATIENT | {"connections": 3}
    with listening(limits, runtime=gate) as served, ExitStack() as stack:
        busy = [stack.enter_context(served.connection(HEAD + BODY)) for _ in range(3)]
        soon(lambda: served.service.batcher.pending == 3)
        with served.connection(GET) as opened:
            status, head, content = parsed(rest(opened))
        assert (status, content["error"]["what"]) == (503, "too many connections")
        assert "retry-after: 1" in head
        gate.open()
        for opened in busy:
            assert b"200 OK" in opened.recv(1 << 16)
        assert served.ask() == 200
        assert served.closed["refused"] == 1


def test_stopping_says_that_no_more_is_answered(listening, make_gate, predictor, soon):
    gate = make_gate(predictor.runtime)
    with listening(PATIENT, runtime=gate) as served, served.connection(HEAD + BODY) as opened:
        soon(lambda: served.service.batcher.pending == 1)
        served.server.should_exit = True
        time.sleep(0.3)
        gate.open()
        status, head, content = parsed(rest(opened))
        assert status == 200
        assert "connection: close" in head
        assert len(content["predictions"]) == 1


def test_what_nobody_waits_for_is_not_computed(listening, make_gate, predictor, soon):
    """A client that hangs up leaves the queue at once; no further batch of it is computed."""
    gate = make_gate(predictor.runtime)
    many = json.dumps({"pairs": [json.loads(BODY)] * 200}).encode()
    head = HEAD.replace(b"%d" % len(BODY), b"%d" % len(many))
    with listening(PATIENT, runtime=gate, waiting_pairs=400) as served:
        with served.connection(head + many), served.connection(head + many):
            soon(lambda: served.service.batcher.pending == 400)
            gate.entered.acquire(timeout=10)
        soon(lambda: served.service.batcher.pending == 0)
        gate.open()
        with served.connection(HEAD + BODY) as opened:
            assert b"200 OK" in opened.recv(1 << 16)
        # The batch that was being computed, and the one of the client that waited.
        assert [count for count, _ in gate.shapes][1:] == [1]
        assert gate.shapes[0][0] < 200
