"""Names of hosts are looked up once and within a time; what may not be called is not."""

import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import urllib3
from gridecho_common.deadlines import until
from gridecho_common.names import _MOST, addresses_of

from tests.rigs.waiting import HANG_S, wait_for


@pytest.fixture
def silent(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """A name server that does not answer: what it was asked for."""
    asked: list[str] = []
    ended = threading.Event()

    def look_up(name: str, *_: Any, **__: Any) -> list[Any]:
        asked.append(name)
        ended.wait(HANG_S)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    yield asked
    ended.set()
    wait_for(lambda: not [one for one in threading.enumerate() if one.name == "look-up"])


def test_a_number_is_not_looked_up(silent: list[str]) -> None:
    for number in ("127.0.0.1", "2001:db8::1", "fe80::1%eth0"):
        assert addresses_of(number, 0.0) == [number]
    assert silent == []


def test_a_name_that_nobody_answers_for_is_waited_for_so_long(silent: list[str]) -> None:
    with pytest.raises(TimeoutError):
        addresses_of("barn.example", 0.05)
    with pytest.raises(TimeoutError):
        addresses_of("barn.example", 0.0)
    pool = until(lambda: 0.05, urllib3.PoolManager(retries=False))
    for scheme in ("http", "https"):
        with pytest.raises(urllib3.exceptions.NewConnectionError):
            pool.request("POST", f"{scheme}://barn.example/pull", body=b"")
    assert silent == ["barn.example"] * 3


def test_so_many_look_ups_are_under_way_and_no_more(silent: list[str]) -> None:
    for _ in range(_MOST + 5):
        with pytest.raises(TimeoutError):
            addresses_of("barn.example", 0.01)
    assert len(silent) == _MOST


def test_what_is_no_name_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(OSError, match="no address"):
        addresses_of("a" * 64 + ".example", HANG_S)

    def unknown(*_: Any, **__: Any) -> list[Any]:
        raise socket.gaierror(-2, "unknown")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(OSError, match="unknown"):
        addresses_of("barn.example", HANG_S)


def test_a_name_is_looked_up_once_and_the_connection_goes_where_it_was_found_good(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A name server may answer otherwise the next time."""
    looked_up, connected = [], []

    def look_up(host: str, port: object, **_: object) -> list[Any]:
        looked_up.append(host)
        return [(2, 1, 6, "", (one, port)) for one in ("127.0.0.1", "192.0.2.7", "192.0.2.8")]

    def connect(where: tuple[str, int], *_: object, **__: object) -> None:
        connected.append(where)
        raise ConnectionRefusedError

    monkeypatch.setattr("socket.getaddrinfo", look_up)
    monkeypatch.setattr("urllib3.util.connection.create_connection", connect)
    pool = until(lambda: 5.0, urllib3.PoolManager(retries=False), lambda address: address.startswith("192.0.2."))
    for scheme in ("http", "https"):
        with pytest.raises(urllib3.exceptions.NewConnectionError):
            pool.request("POST", f"{scheme}://barn.example:4691/pull", body=b"")
    assert looked_up == ["barn.example"] * 2
    assert connected == [("192.0.2.7", 4691), ("192.0.2.8", 4691)] * 2, "the next where one refuses"
    nobody = until(lambda: 5.0, urllib3.PoolManager(retries=False), lambda _: False)
    with pytest.raises(urllib3.exceptions.NewConnectionError):
        nobody.request("POST", "http://barn.example:4691/pull", body=b"")
    assert len(connected) == 4
