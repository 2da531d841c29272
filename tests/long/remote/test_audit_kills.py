"""Two processes at full load write one chain while one of them is killed over and over: every answer that was given has its row."""

import http.client
import json
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlencode

import pytest
from gridecho_remote.rules.actor import OPERATOR
from gridecho_remote.rules.scopes import Scope
from gridecho_remote.store import users
from gridecho_remote.use import granting

from tests.rigs.forks import gridecho
from tests.rigs.hostile.person import Person
from tests.rigs.load import RELAY_ID
from tests.rigs.people import PASSWORD, add_people, beside, fill
from tests.rigs.processes import RemoteProcess
from tests.rigs.waiting import HANG_S

SENSOR, FIRST_S = 7, 1_750_000_000
WORKERS, LONG_S = 4, 60  # at each process
_MOST_LOOKS = 900  # of one person: of more than a thousand in ten minutes there is a number only
_HOUR_S = 3_600
_FORM = {"Content-Type": "application/x-www-form-urlencoded"}
_ASKED = {
    "name": "Ada",
    "organisation": "Office",
    "role": "analyst",
    "evidence": "S-1",
    "purpose": "why",
    "region": "x",
    "category": "",
    "resolution": "DAY",
    "days": "30",
    "submit": "Ask",
}


@dataclass
class Answered:
    """What was answered, so that there has to be a row: (what, subject or hour, person)."""

    rows: Counter[tuple[str, str, int]] = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, what: str, subject: str, actor: int) -> None:
        with self.lock:
            self.rows[what, subject, actor] += 1


class Worker(threading.Thread):
    """Somebody who logs in, looks, asks, withdraws and downloads without a pause."""

    def __init__(
        self, url: str, names: dict[str, int], number: int, answered: Answered, ending: threading.Event
    ) -> None:
        super().__init__()
        self._person, self._names, self._answered, self._ending = Person(url), names, answered, ending
        self._chance = random.Random(number)
        self._hour = FIRST_S // _HOUR_S * _HOUR_S + number * 10_000 * _HOUR_S

    def run(self) -> None:
        for name, user in self._names.items():
            looks = 0
            while looks < _MOST_LOOKS and not self._ending.is_set():
                try:
                    looks += self._turn(name, user)
                except (OSError, http.client.HTTPException, AssertionError):
                    self._ending.wait(0.05)  # it is being killed

    def _turn(self, name: str, user: int) -> int:
        self._person.log_in(name, PASSWORD)
        self._answered.add("sessions.begin", f"user {name}", user)
        token = self._person.token_of("/requests")
        looks = 0
        for _ in range(self._chance.randint(5, 40)):
            self._hour += _HOUR_S
            path = f"/api/v1/sensors/{SENSOR}/readings?from={self._hour}&to={self._hour + _HOUR_S}"
            if self._person.ask("GET", path)[0] == 200:
                self._answered.add("sensors.readings", str(self._hour), user)
                looks += 1
        number = self._post("/requests", _ASKED | {"csrf_token": token})
        for step in ("draft", "ask"):
            self._answered.add(f"requests.{step}", f"request {number}", user)
        self._post(f"/requests/{number}/withdraw", {"csrf_token": token})
        self._answered.add("requests.withdraw", f"request {number}", user)
        if self._person.ask("GET", f"/api/v1/sensors/{SENSOR}/readings.csv")[0] == 200:
            self._answered.add("sensors.export", f"sensor {SENSOR}", user)
        return looks + 5

    def _post(self, path: str, fields: dict[str, str]) -> int:
        """The number of the request to which it leads."""
        status, head, _ = self._person.ask("POST", path, urlencode(fields).encode(), _FORM)
        assert status == 302, status
        return int(head["Location"].rpartition("/")[2])


class Deciding(threading.Thread):
    """Grants and revokes at the terminal without a pause."""

    def __init__(self, remote: RemoteProcess, answered: Answered, ending: threading.Event) -> None:
        super().__init__()
        self._remote, self._answered, self._ending = remote, answered, ending

    def run(self) -> None:
        with beside(self._remote) as site:
            while not self._ending.is_set():
                number = granting.grant(site, OPERATOR, "user 0", Scope(region="x/y"))
                self._answered.add("granting.grant", f"grant {number}", 0)
                granting.revoke(site, OPERATOR, number)
                self._answered.add("granting.revoke", f"grant {number}", 0)


@pytest.fixture(params=["sqlite", "postgresql"])
def remotes(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[list[RemoteProcess]]:
    """Two before one database, with a file of anchors."""
    there = str(tmp_path / "remote.sqlite")
    url = request.getfixturevalue("postgres").database() if request.param == "postgresql" else there
    anchors = str(tmp_path / "audit.anchors")
    first = RemoteProcess(tmp_path / "remote", {RELAY_ID: bytes(32)}, [SENSOR], url, audit_anchors=anchors, threads=16)
    with beside(first) as site:
        fill(site, bytes(32), SENSOR, FIRST_S, 2_000, 60)
    made = [first, first.another(tmp_path / "other")]
    for one in made:
        one.start()
    yield made
    for one in made:
        one.close()


def test_every_answer_has_its_row_in_one_chain_however_often_one_is_killed(remotes: list[RemoteProcess]) -> None:
    names = [f"user {n}" for n in range(3 * WORKERS * len(remotes))]
    with beside(remotes[0]) as site:
        add_people(site.archive, names)
        numbers = {name: users.user_id(site.archive, name) for name in names}
        for name in names:
            granting.grant(site, OPERATOR, name, Scope(sensors=frozenset({SENSOR})))
    answered, ending = Answered(), threading.Event()
    working: list[threading.Thread] = [Deciding(remotes[0], answered, ending)]
    for n in range(WORKERS * len(remotes)):
        mine = {name: numbers[name] for name in names[3 * n : 3 * n + 3]}
        working.append(Worker(remotes[n % 2].url, mine, n, answered, ending))
    for one in working:
        one.start()
    chance, end_s, kills = random.Random(1), time.monotonic() + LONG_S, 0
    try:
        while time.monotonic() < end_s:
            ending.wait(chance.uniform(1, 4))
            remotes[1].kill()
            kills += 1
            remotes[1].start()
    finally:
        ending.set()
        for one in working:
            one.join(HANG_S)
    print(f"\n{kills} kills, {answered.rows.total()} answers")
    with suppress(AssertionError):
        remotes[1].wait_up()
    check(remotes[0], answered)
    assert len((remotes[0].config.parent.parent / "audit.anchors").read_text().splitlines()) > 0
    assert kills >= 5
    assert {what for what, *_ in answered.rows} >= {
        "sensors.readings",
        "sensors.export",
        "requests.withdraw",
        "granting.revoke",
    }


def check(remote: RemoteProcess, answered: Answered) -> None:
    """One chain, with all rows of what was answered."""
    said = gridecho("remote", "audit", "verify", "--config", str(remote.config))
    assert "sound" in said, said
    found: Counter[tuple[str, str, int]] = Counter()
    for what, subject, actor, fields in remote.query("SELECT what, subject, actor_id, fields FROM audit"):
        found[what, str(json.loads(fields)["from_s"]) if what == "sensors.readings" else subject, actor] += 1
    missing = {row: count - found[row] for row, count in answered.rows.items() if found[row] < count}
    assert missing == {}
