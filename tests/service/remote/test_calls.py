"""A relay's question waits at the remote, without a thread, until there is something to fetch with a heartbeat."""

import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import urllib3
from gridecho import relay_keys
from gridecho_remote import parked
from gridecho_remote.server import Server
from gridecho_remote.store.grants import add_grant
from gridecho_remote.use import pulls

from tests.rigs.fleet import Fleet
from tests.rigs.heartbeats import beat
from tests.rigs.waiting import HANG_S, wait_for


@pytest.fixture
def fleet(make_fleet: Callable[..., Fleet]) -> Fleet:
    return make_fleet(listen="127.0.0.1:0")


@pytest.fixture
def server(fleet: Fleet) -> Iterator[Server]:
    server = Server(fleet.site)
    thread = threading.Thread(target=server.run)
    thread.start()
    yield server
    server.stop()
    thread.join(HANG_S)
    assert not thread.is_alive()


def call(
    fleet: Fleet, server: Server, relay_id: int = 1, seen: str = "", token_of: int | None = None
) -> tuple[int, str]:
    """The status, and the news."""
    token = relay_keys.relay_token(fleet.relays[token_of or relay_id], token_of or relay_id).hex()
    answer = urllib3.request(
        "GET",
        f"{server.url}relay/v1/calls?relay={relay_id}&seen={seen}",
        headers={"Authorization": f"Bearer {token}"},
        timeout=HANG_S,
        retries=False,
    )
    return answer.status, json.loads(answer.data).get("news", "")


def test_who_has_not_seen_what_there_is_is_answered_at_once_and_strangers_too(fleet: Fleet, server: Server) -> None:
    seen = beat(fleet).json["news"]
    assert call(fleet, server) == (200, seen)
    assert call(fleet, server, seen="x" * 1000) == (200, seen)
    assert call(fleet, server, seen=seen, token_of=2)[0] == 401


@pytest.mark.parametrize("what", ["a pull", "a look"])
def test_a_question_is_answered_when_there_is_news(fleet: Fleet, server: Server, what: str) -> None:
    ada = fleet.person()
    add_grant(fleet.archive, "ada", sensor_id=7)
    seen = {relay_id: beat(fleet, relay_id).json["news"] for relay_id in (1, 2)}
    with ThreadPoolExecutor(4) as pool:
        asked = {relay_id: pool.submit(call, fleet, server, relay_id, seen[relay_id]) for relay_id in (1, 2)}
        wait_for(lambda: len(server._lanes._parked._waiting) == 2)
        assert server._lanes._relays.queue.running.total() == 0, "no thread waits"
        if what == "a pull":
            assert pulls.pull(fleet.site, {1: [(7, 1, 0, 9, 0, 9)]}, 0.01)[0].missing == "pull-waits"
        else:
            assert ada.get("/api/v1/sensors/7/readings?stored_since=1&live=1").json["live"]
        told = asked[1].result(HANG_S)
        assert told == (200, beat(fleet, 1).json["news"])
        assert told[1] != seen[1]
        if what == "a look":
            assert asked[2].result(HANG_S) == (200, beat(fleet, 2).json["news"])
        else:
            assert not asked[2].done()
            # Of each relay the last question waits; the one before is answered.
            last = pool.submit(call, fleet, server, 2, seen[2])
            assert asked[2].result(HANG_S) == (200, seen[2])
            server.stop()
            wait_for(last.done, "the end of who still waits")


def test_a_question_is_answered_after_its_time(fleet: Fleet, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parked, "_LONGEST_S", 1.0)
    seen = beat(fleet).json["news"]
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(call, fleet, server, 1, seen)
        wait_for(lambda: server._lanes._parked._waiting)
        assert asked.result(HANG_S) == (200, seen)
