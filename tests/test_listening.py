import socket

import pytest

from infoxlm.errors import UserError
from infoxlm.listening import bind, url_of


def test_any_free_port():
    with bind("127.0.0.1", 0) as bound:
        host, port = bound.getsockname()
        assert (host, url_of(bound)) == ("127.0.0.1", f"http://127.0.0.1:{port}")
        assert port > 0


def test_ipv6():
    if not socket.has_ipv6:
        pytest.skip("no IPv6")
    try:
        bound = bind("::1", 0)
    except UserError:
        pytest.skip("no IPv6")
    with bound:
        assert url_of(bound) == f"http://[::1]:{bound.getsockname()[1]}"


def test_a_port_that_is_taken():
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(UserError, match=f"port={port} cannot be .* in use.*Stop what uses"):
            bind("127.0.0.1", port)


@pytest.mark.parametrize("host", ["no such host", "300.1.1.1", "a" * 300, "192.0.2.1"])
def test_hosts_that_are_none(host):
    with pytest.raises(UserError, match=f"host={host[:20]}.* is no address here .* Give another.$"):
        bind(host, 0)
