"""What lies on relays is fetched for who looks at it, also from one behind NAT; the part of a dead one is named."""

import json
import re
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import urllib3
from gridecho_bench.ports import free_port
from gridecho_remote.rules.names import key_of
from gridecho_remote.store import users
from gridecho_remote.store.grants import add_grant
from gridecho_remote.store.models import User

from tests.rigs.fleet import PASSWORD
from tests.rigs.load import FIRST_S, STEP_S, Load, reading_of
from tests.rigs.processes import RelayProcess, RemoteProcess, frames_in
from tests.rigs.waiting import HANG_S, wait_for

SENSOR = 70
HERE, HELD = 60, 10  # readings at the remote, and on each relay
NEAR, BEHIND_NAT, DEAD = RELAYS = (1, 2, 3)
PEOPLE = 50


class Person:
    """Somebody who is logged in."""

    def __init__(self, url: str, name: str) -> None:
        self._url = url
        self._pool = urllib3.PoolManager(timeout=HANG_S, retries=False)
        self._cookies: dict[str, str] = {}
        token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', self._ask("GET", "/login").data.decode())
        assert token
        answer = self._ask("POST", "/login", {"name": name, "password": PASSWORD, "csrf_token": token[1]})
        assert answer.status == 302, answer.data

    def _ask(self, method: str, path: str, fields: Mapping[str, object] | None = None) -> urllib3.BaseHTTPResponse:
        cookies = {"Cookie": "; ".join(f"{name}={value}" for name, value in self._cookies.items())}
        more: dict[str, Any] = {"encode_multipart": False} if method == "POST" else {}
        answer = self._pool.request(method, self._url + path, fields=fields, headers=cookies, redirect=False, **more)
        for one in answer.headers.getlist("Set-Cookie"):
            name, _, value = one.partition(";")[0].partition("=")
            self._cookies[name] = value
        return answer

    def readings(self, **query: object) -> Any:
        """The answer for the sensor, all time."""
        answer = self._ask("GET", f"/api/v1/sensors/{SENSOR}/readings", query)
        assert answer.status == 200, answer.data
        return json.loads(answer.data)


def send(relay: RelayProcess, relay_id: int, first: int, count: int, sends: float) -> None:
    load = Load([SENSOR], relay.port, relay_id=relay_id, first=first, most=count, sends=sends, again=0)
    load.start()
    load.finish()


def test_a_third_of_the_readings_lies_on_three_relays(scratch: Path) -> None:
    relays = {number: RelayProcess(scratch / f"relay-{number}", "http://127.0.0.1:1") for number in RELAYS}
    remote = RemoteProcess(scratch / "remote", {n: relay.secret for n, relay in relays.items()}, [SENSOR])
    for number in RELAYS:
        status = f"127.0.0.1:{free_port()}"
        there = {"status": status} | ({} if number == BEHIND_NAT else {"pull_url": f"http://{status}"})
        relays[number] = RelayProcess(scratch / f"relay-{number}", remote.url, relay_id=number, **there)
    try:
        for one in (remote, *relays.values()):
            one.start()
        wait_for(lambda: all(relay.report()["sensors"] == 1 for relay in relays.values()), "the keys")
        send(relays[NEAR], NEAR, 0, HERE, 1.0)
        for n, number in enumerate(RELAYS):
            send(relays[number], number, HERE + n * HELD, HELD, 0.0)
        wait_for(lambda: remote.count() == HERE, "what is sent at once")
        wait_for(lambda: all(len(remote.index(number)) == HELD for number in RELAYS), "the index")
        with remote.archive() as archive:
            users.add_user(archive, "person-0")
            users.change_password(archive, users.user_id(archive, "person-0"), PASSWORD)
            (one,) = User.select().dicts().execute(archive.db)
            for n in range(PEOPLE):
                if n:
                    name = f"person-{n}"
                    User.insert(one | {"id": None, "name": name, "key": key_of(name)}).execute(archive.db)
                add_grant(archive, f"person-{n}", sensor_id=SENSOR)
        people = [Person(remote.url, f"person-{n}") for n in range(PEOPLE)]
        relays[DEAD].kill()
        begun = time.monotonic()
        with ThreadPoolExecutor(PEOPLE) as pool:
            answers = list(pool.map(lambda one: (one.readings(wait=3), time.monotonic() - begun), people))
        took = [seconds for _, seconds in answers]
        print(
            f"\nof {PEOPLE} at once the first had an answer after {min(took):.2f} s, the last after {max(took):.2f} s"
        )
        known = [(reading_of(seq).time_s, reading_of(seq).values[2]) for seq in range(HERE + 2 * HELD)]
        for answer, _ in answers:
            assert [(one["time"], one["values"]["1-0:1.7.0"]) for one in answer["readings"]] == known
            (hole,) = answer["holes"]
            first_s = FIRST_S + STEP_S * (HERE + 2 * HELD)
            assert (hole["relay"], hole["from"], hole["to"]) == (DEAD, first_s, first_s + STEP_S * (HELD - 1) + 1)
            assert hole["reason"] in ("pull-late", "pull-waits")
        assert sorted(remote.query("SELECT relay_id, state, frames FROM pull")) == [
            (NEAR, "done", HELD),
            (BEHIND_NAT, "done", HELD),
            (DEAD, "waiting", 0),
        ]
        wait_for(lambda: not frames_in(relays[NEAR].database), "the relay's deleting")
        # The dead one comes back, hears of the request with its heartbeat, and brings its part.
        relays[DEAD].start()
        wait_for(lambda: remote.count() == HERE + 3 * HELD, "the rest")
        answer = people[0].readings(wait=3)
        assert (len(answer["readings"]), answer["holes"]) == (HERE + 3 * HELD, [])
        for relay in relays.values():
            relay.check_log()
        assert "Traceback" not in remote.log.read_text()
    finally:
        for relay in relays.values():
            relay.close()
        remote.close()
