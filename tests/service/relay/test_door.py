"""Who may see the relay's page, and under which names."""

import socket

import pytest
from gridecho_common.settings import SettingsError
from gridecho_relay import door as door_module
from gridecho_relay import entrance
from gridecho_relay.door import is_here

from tests.rigs.hostile.stranger import NAMES, PAGES, Stranger
from tests.rigs.waiting import HANG_S, wait_for

ELSEWHERE = "127.0.0.9"  # taken for another machine here


@pytest.fixture(autouse=True)
def far(monkeypatch):
    monkeypatch.setattr(door_module, "is_here", lambda address: address != ELSEWHERE and is_here(address))


def stranger(relay, source="127.0.0.1"):
    return Stranger(int(relay.status_url.rpartition(":")[2]), source)


def test_a_name_that_is_not_the_relays_is_refused(workshop):
    """A page of the attacker's name, resolved to the relay's address, would be of one origin with it."""
    relay = workshop.relay(
        pull_url="https://Barn.example:4691",
        group_url="http://barn.lan:4691",
        status_hosts=["Relay.home"],
        name="secret name",
    )
    browser = stranger(relay)
    for name in NAMES:
        for path in (*PAGES, "/healthz"):
            status, said = browser.ask(path, name)
            assert status in (400, 421), (name, path)
            assert "secret name" not in said
    port = relay.status_url.rpartition(":")[2]
    for name in ("127.0.0.1", "localhost", "LOCALHOST", "[::1]", "192.0.2.9", "barn.example", "barn.lan", "relay.home"):
        for one in (name, f"{name}:{port}"):
            assert browser.ask("/status.json", one)[0] == 200, one
    # What proves itself may come under any name: a TLS proxy may have another one for it.
    assert browser.ask("/pull", "attacker.example", "POST", b"junk") == browser.ask("/pull", None, "POST", b"junk")
    assert browser.ask("/carry", "attacker.example", "POST", b"junk")[0] == 400


def test_a_stranger_on_the_lan_is_told_that_it_lives_and_nothing_more(workshop):
    relay = workshop.relay(name="secret name")
    other = stranger(relay, ELSEWHERE)
    assert other.ask("/healthz") == (200, "ok\n")
    assert [other.ask(path)[0] for path in PAGES] == [403] * len(PAGES)
    said = other.everything()
    for secret in ("secret name", workshop.remote.url, "relay_id", "sensors", "acked", "gridecho_relay_"):
        assert secret not in said
        assert secret in stranger(relay).everything(), "on its own machine it is told"


def test_whom_the_operator_named_may_see_it(workshop):
    relay = workshop.relay(status_readers=["192.0.2.0/24", f"{ELSEWHERE}/32"])
    assert stranger(relay, ELSEWHERE).ask("/metrics")[0] == 200


def test_what_a_proxy_on_the_relays_machine_brings_is_from_elsewhere(workshop):
    relay = workshop.relay()
    for header in ("X_Forwarded_For", "Forwarded", "Via"):
        assert stranger(relay).ask("/status.json", **{header: "1.1 proxy"})[0] == 403


def test_which_addresses_are_of_this_machine():
    assert is_here("127.0.0.1")
    assert is_here("127.3.2.1")
    assert is_here("::1")
    assert not is_here("192.0.2.1")
    assert not is_here("2001:db8::1")


def test_one_address_leaves_as_many_connections_to_the_others_as_it_takes(workshop, monkeypatch):
    monkeypatch.setattr(entrance, "MOST_CONNECTIONS", 30)
    relay = workshop.relay()
    port = int(relay.status_url.rpartition(":")[2])
    idle = []
    try:
        for _ in range(60):
            one = socket.create_connection(("127.0.0.1", port), HANG_S, source_address=(ELSEWHERE, 0))
            idle.append(one)
        # Those beyond the share are closed, and all others stay.
        wait_for(lambda: sum(map(is_closed, idle)) == 45)
        for _ in range(5):
            assert stranger(relay).ask("/status.json")[0] == 200
    finally:
        for one in idle:
            one.close()


def is_closed(sock):
    sock.setblocking(False)
    try:
        return sock.recv(1) == b""
    except BlockingIOError:
        return False
    except ConnectionError:
        return True


def test_settings_that_are_none(workshop):
    with pytest.raises(SettingsError, match="status_readers"):
        workshop.relay(status_readers=["anybody"])
