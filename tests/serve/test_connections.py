from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infoxlm.serve.connections import Connections, client_of
from infoxlm.serve.limits import ConnectionLimits


class Closable:
    """A connection; closing takes it out, as the real one does."""

    def __init__(self, connections):
        self.connections = connections
        self.reason = None

    def end(self, reason):
        self.reason = reason
        self.connections.remove(self, reason)


@pytest.fixture
def counted():
    return Counter()


@pytest.fixture
def connections(counted):
    limits = ConnectionLimits(connections=4, client_connections=2)
    return Connections(limits, lambda reason: counted.update([reason]))


def opened(connections, address, *, waits=True):
    made = Closable(connections)
    if not connections.admit(made, address):
        return None
    if waits:
        connections.wait_for_client(made)
    return made


def test_a_client_s_longest_wait_makes_room_for_its_own(connections, counted):
    other = opened(connections, "192.0.2.1")
    first, second = (opened(connections, "192.0.2.2") for _ in range(2))
    connections.wait_for_client(first)  # it has just been answered
    third = opened(connections, "192.0.2.2")
    assert (other.reason, first.reason, second.reason, third.reason) == (None, None, "room", None)
    assert len(connections) == 3
    assert counted == {"room": 1}


def test_the_longest_wait_of_all_makes_room(connections):
    made = [opened(connections, f"192.0.2.{number}") for number in range(6)]
    assert [each.reason for each in made] == ["room", "room", None, None, None, None]
    assert len(connections) == 4


def test_who_is_worked_for_is_not_closed(connections, counted):
    busy = [opened(connections, f"192.0.2.{number}", waits=False) for number in range(4)]
    assert opened(connections, "192.0.2.9") is None
    connections.wait_for_client(busy[3])
    assert opened(connections, "192.0.2.9") is not None
    assert [each.reason for each in busy] == [None, None, None, "room"]
    connections.work_for_client(busy[0])
    connections.remove(busy[0])
    connections.remove(busy[0], "idle")  # twice is once
    assert len(connections) == 3
    assert counted == {"room": 1}


@given(st.lists(st.tuples(st.integers(0, 5), st.sampled_from(["wait", "work", "close"]))))
def test_the_limits_hold(steps):
    """Whatever happens, no more are open than may be, and the counts are those of the open ones."""
    connections = Connections(ConnectionLimits(connections=5, client_connections=2))
    made = []
    for client, what in steps:
        new = Closable(connections)
        if connections.admit(new, f"192.0.2.{client}"):
            made.append((client, new))
        elif what != "close":
            continue
        if what == "wait":
            connections.wait_for_client(new)
        elif what == "close" and made:
            connections.remove(made.pop(0)[1])
        made = [(owner, each) for owner, each in made if each.reason is None]
        assert len(connections) == len(made) <= 5
        assert max(Counter(owner for owner, _ in made).values(), default=0) <= 2


@pytest.mark.parametrize(
    ("address", "client"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::"),
        ("fe80::1%eth0", "fe80::"),
        ("", ""),
    ],
)
def test_whose_an_address_is(address, client):
    assert client_of(address) == client
