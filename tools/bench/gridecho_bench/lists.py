"""How soon the lists of a city come: a real remote with its database, and pages that are asked for one after the other.

The remote is a process of its own, on SQLite and on PostgreSQL in turn. What is measured is an answer as a browser waits for it:
from the request to the last byte of the page, without the files that it has in its cache.
"""

import os
import platform
import re
import time
from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import urllib3
from gridecho_common.secrets import write_secret
from gridecho_demo.child import Child
from gridecho_remote.store.database import create_archive

from .lists_city import City, fill
from .ports import free_port
from .relay_child import RelayBenchError
from .remote_data import ZONE
from .remote_layouts import NAME, PASSWORD
from .remote_postgresql import PrivateServer, Server, missing

Say = Callable[[str], None]
Figures = dict[str, Any]

ENGINES = ("sqlite", "postgresql")
PAGES = {
    "overview": "/",
    "sensors": "/sensors",
    "sensors_search": "/sensors?named=street+17",
    "sensors_state": "/sensors?state=late",
    "sensors_by_power": "/sensors?sort=power&down=1",
    "sensors_by_seen": "/sensors?sort=seen&down=0",
    "sensors_later": "/sensors?page=1000",
    "relays": "/relays",
    "relays_search": "/relays?named=street+17",
    "relays_late": "/relays?state=late",
    "relays_later": "/relays?after=200",
    "routes": "/fleet/routes",
    "routes_search": "/fleet/routes?named=street+17",
    "routes_of_relay": "/fleet/routes?relay=7",
    "routes_later": "/fleet/routes?after=50000",
    "orders": "/fleet/orders",
    "orders_failed": "/fleet/orders?state=failed",
    "firmware": "/fleet/firmware",
    "firmware_sensors": "/fleet/firmware/1",
    "alarms": "/fleet/alarms",
    "groups": "/groups",
    "grants": "/grants",
    "grants_search": "/grants?user=reader+42",
    "grants_later": "/grants?before=5000",
    "people": "/people",
    "people_search": "/people?name=reader+4",
}
_WAIT_S = 120.0


@dataclass(frozen=True, slots=True)
class Plan:
    """A city, and so many times each page; `url`: of a PostgreSQL server, empty: one of our own."""

    city: City = field(default_factory=City)
    runs: int = 15
    url: str = ""


def measure(plan: Plan, folder: Path, say: Say) -> Figures:
    """All figures, as --json prints them. Raises RelayBenchError."""
    found: Figures = asdict(plan.city) | {"runs": plan.runs}
    found |= {"cores": os.cpu_count() or 0, "python": platform.python_version()}
    found["sqlite"] = _of_engine(plan, folder / "sqlite", "", say)
    if reason := missing(plan.url):
        found["postgresql"] = {"reason": reason}
        return found
    with ExitStack() as stack:
        say("starting PostgreSQL")
        server = stack.enter_context(closing(Server(plan.url) if plan.url else PrivateServer()))
        url = stack.enter_context(server.database())
        found["postgresql"] = _of_engine(plan, folder / "postgresql", url, say)
    return found


def _of_engine(plan: Plan, folder: Path, url: str, say: Say) -> Figures:
    folder.mkdir()
    name = "PostgreSQL" if url else "SQLite"
    port = free_port()
    settings = [f'listen = "127.0.0.1:{port}"', f'time_zone = "{ZONE}"', "min_free_mb = 0"]
    settings += [f'database = "{url}"'] if url else []
    (folder / "remote.toml").write_text("\n".join(settings) + "\n")
    archive = create_archive(url or folder / "remote.sqlite", write_secret(folder / "remote.key"))
    begun_s = time.monotonic()
    try:
        fill(archive, plan.city, int(time.time()), lambda what: say(f"{name}: {what}"))
    finally:
        archive.close()
    made_s = time.monotonic() - begun_s
    child = Child("remote", "gridecho_cli", ["remote", "run", "--config", str(folder / "remote.toml")], folder / "log")
    try:
        reader = _Reader(f"http://127.0.0.1:{port}", child)
        found: Figures = {"made_s": round(made_s, 1), "first_ms": reader.first_ms}
        took: dict[str, list[float]] = {page: [] for page in PAGES}
        for run in range(1, plan.runs + 1):
            say(f"{name}: run {run} of {plan.runs}")
            for page, path in PAGES.items():
                took[page].append(reader.ask(path))
        return found | {
            f"{page}_ms": {"median": round(median(its), 1), "worst": round(max(its), 1)} for page, its in took.items()
        }
    finally:
        child.stop()


class _Reader:
    """Somebody who logged in. `first_ms`: how long they waited for their first page of a remote that had just begun."""

    def __init__(self, url: str, child: Child) -> None:
        self._url, self._pool, self._cookies = url, urllib3.PoolManager(timeout=_WAIT_S, retries=False), {"": ""}
        end_s = time.monotonic() + _WAIT_S
        while True:
            try:
                page = self._call("GET", "/login")
                break
            except urllib3.exceptions.HTTPError:
                if child.ended() is not None or time.monotonic() > end_s:
                    raise RelayBenchError(f"the remote did not start: {child.last_words()}") from None
                time.sleep(0.1)
        token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page.data.decode())
        form = {"csrf_token": token[1] if token else "", "name": NAME, "password": PASSWORD}
        if self._call("POST", "/login", fields=form, encode_multipart=False).status != 302:
            raise RelayBenchError("nobody can log in as the bench does")
        self.first_ms = round(self.ask("/"), 1)

    def ask(self, path: str) -> float:
        """How long a page took, in ms. Raises RelayBenchError for one that does not come."""
        begun_s = time.perf_counter()
        answer = self._call("GET", path)
        took_s = time.perf_counter() - begun_s
        if answer.status != 200 or b"<main" not in answer.data:
            raise RelayBenchError(f"{path} answered {answer.status}")
        return 1_000 * took_s

    def _call(self, method: str, path: str, **more: Any) -> urllib3.BaseHTTPResponse:
        cookies = "; ".join(f"{name}={value}" for name, value in self._cookies.items() if name)
        answer = self._pool.request(method, self._url + path, headers={"Cookie": cookies}, redirect=False, **more)
        for line in answer.headers.getlist("Set-Cookie"):
            name, _, value = line.partition(";")[0].partition("=")
            self._cookies[name] = value
        return answer
