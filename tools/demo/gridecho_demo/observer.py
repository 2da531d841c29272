"""An authorised user without a browser: logs in at the remote and asks its API, as any program of theirs would."""

import re
import time
from threading import Event, Thread
from urllib.parse import urlencode

import urllib3
from gridecho.registers import CODE_OF

from .ledger import Ledger
from .report import Seen

_PAGE = 5000
_LOOK_EVERY_S = 0.01
_GIVE_UP_MS = 30_000


class Observer:
    """A session of one user. Raises RuntimeError where the remote does not answer as it should."""

    def __init__(self, url: str, user: str, password: str) -> None:
        self._url = url
        self._http = urllib3.PoolManager(maxsize=4, timeout=10, retries=False)
        self._cookie = ""
        page = self._ask("/login")
        token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page.data.decode())
        fields = {"name": user, "password": password, "csrf_token": token[1] if token else ""}
        self._ask("/login", fields)
        if self._ask("/api/v1/sensors").status != 200:
            raise RuntimeError("the remote did not let the demo's own user in")

    def readings(self, sensor_id: int, from_s: int = 0) -> list[Seen]:
        """All readings of a sensor since `from_s` (Unix seconds) that the user may see."""
        seen: list[Seen] = []
        path: str | None = f"/api/v1/sensors/{sensor_id}/readings?from={from_s}&limit={_PAGE}"
        while path:
            answer = self._json(path)
            for reading in answer["readings"]:
                values = {CODE_OF[obis]: value for obis, value in reading["values"].items()}
                seen.append(Seen(reading["epoch"], reading["seq"], reading["item"], values))
            path = answer.get("next")
        return seen

    def gaps(self, sensor_id: int) -> int:
        """How many seqs of a sensor are missing at the remote, below the highest that is there."""
        return sum(
            gap["last_seq"] - gap["first_seq"] + 1 for gap in self._json(f"/api/v1/sensors/{sensor_id}/gaps")["gaps"]
        )

    def _json(self, path: str):  # type: ignore[no-untyped-def]
        answer = self._ask(path)
        if answer.status != 200:
            raise RuntimeError(f"the remote answered {answer.status} to {path}")
        return answer.json()

    def _ask(self, path: str, fields: dict[str, str] | None = None) -> urllib3.BaseHTTPResponse:
        headers = {"Cookie": self._cookie, "Referer": self._url + "/"}
        if fields is None:
            answer = self._http.request("GET", self._url + path, headers=headers, redirect=False)
        else:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
            answer = self._http.request(
                "POST", self._url + path, body=urlencode(fields), headers=headers, redirect=False
            )
        for cookie in answer.headers.getlist("Set-Cookie"):
            self._cookie = cookie.split(";", 1)[0]
        return answer


class SendWatch(Thread):
    """Measures how long a SEND reading takes from the meter to an answer of the remote's API, for each of them.

    It asks only for sensors of which a SEND reading is under way, so that the measuring is no load of its own.
    """

    def __init__(self, observer: Observer, ledgers: dict[int, Ledger]) -> None:
        super().__init__(name="send-watch", daemon=True)
        self.took_ms: list[float] = []
        self.never_seen = 0
        self._observer = observer
        self._ledgers = ledgers
        self._stop_wanted = Event()

    def run(self) -> None:
        """Until `stop`."""
        while not self._stop_wanted.wait(_LOOK_EVERY_S):
            for sensor_id, ledger in self._ledgers.items():
                self._look(sensor_id, ledger)

    def stop(self) -> None:
        """Ends the thread; what was not seen by then is counted in `never_seen`."""
        self._stop_wanted.set()
        self.join()
        self.never_seen += sum(len(ledger.sends_under_way) for ledger in self._ledgers.values())

    def _look(self, sensor_id: int, ledger: Ledger) -> None:
        with ledger.lock:
            under_way = dict(ledger.sends_under_way)
        if not under_way:
            return
        seen = self._observer.readings(sensor_id, min(under_way.values()) // 1000 - 1)
        now_ms = time.time_ns() // 1_000_000
        there = {ledger.number_of(reading.epoch, reading.seq, reading.item) for reading in seen}
        for number, at_ms in under_way.items():
            if number in there:
                self.took_ms.append(now_ms - at_ms)
            elif now_ms - at_ms > _GIVE_UP_MS:
                self.never_seen += 1
            else:
                continue
            with ledger.lock:
                del ledger.sends_under_way[number]
