"""Which addresses are called for a relay's sake."""

import pytest
import urllib3
from gridecho_common.deadlines import until
from gridecho_remote.outside.addresses import Addresses, only


@pytest.mark.parametrize(
    ("address", "spoke_from", "may"),
    [
        ("192.0.2.7", "192.0.2.7", True),
        ("::ffff:192.0.2.7", "192.0.2.7", True),
        ("2001:db8::7", "2001:db8:0::7", True),
        ("fe80::7%eth0", "fe80::7%eth0", True),
        ("192.0.2.8", "192.0.2.7", False),
        ("10.1.2.3", "192.0.2.7", True),
        ("10.2.2.3", "192.0.2.7", False),
        ("169.254.169.254", "192.0.2.7", False),
        ("127.0.0.1", "127.0.0.1", False),
        ("::1", "::1", False),
        ("::ffff:127.0.0.1", "127.0.0.1", False),
        ("0.0.0.0", "0.0.0.0", False),  # noqa: S104
        ("192.0.2.7", "", False),
        ("", "", False),
        ("barn", "barn", False),
    ],
)
def test_those_that_are_allowed_and_the_one_that_the_relay_speaks_from(address, spoke_from, may):
    assert Addresses(["10.1.0.0/16"]).may(address, spoke_from) is may


def test_this_machine_only_if_it_is_named():
    assert Addresses(["127.0.0.0/8"]).may("127.0.0.1", "192.0.2.7")
    assert not Addresses(["127.0.0.0/8"]).may("::1", "192.0.2.7")


def test_a_name_is_looked_up_once_and_the_connection_goes_where_it_was_found_good(monkeypatch):
    """A name server may answer otherwise the next time."""
    looked_up, connected = [], []

    def look_up(host, port, **_):
        looked_up.append(host)
        return [(2, 1, 6, "", (one, port)) for one in ("127.0.0.1", "192.0.2.7")]

    def connect(where, *_, **__):
        connected.append(where)
        raise ConnectionRefusedError

    monkeypatch.setattr("socket.getaddrinfo", look_up)
    monkeypatch.setattr("urllib3.util.connection.create_connection", connect)
    pool = only(lambda address: address == "192.0.2.7", until(lambda: 5.0, urllib3.PoolManager(retries=False)))
    for scheme in ("http", "https"):
        with pytest.raises(urllib3.exceptions.NewConnectionError):
            pool.request("POST", f"{scheme}://barn.example:4691/pull", body=b"")
    assert (looked_up, connected) == (["barn.example"] * 2, [("192.0.2.7", 4691)] * 2)
    nobody = only(lambda _: False, until(lambda: 5.0, urllib3.PoolManager(retries=False)))
    with pytest.raises(urllib3.exceptions.NewConnectionError):
        nobody.request("POST", "http://barn.example:4691/pull", body=b"")
    assert len(connected) == 2
