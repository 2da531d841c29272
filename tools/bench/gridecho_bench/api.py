"""How many questions a second the API answers here, beside the same JSON given from a file by the same server."""

import json
import os
import platform
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import urllib3

from .relay_child import Child, RelayBenchError
from .remote_child import run_child
from .remote_data import METER_ID, POINTS, Data
from .remote_making import make_data

Say = Callable[[str], None]

CLIENTS = (1, 8, 64)


@dataclass(frozen=True, slots=True)
class Plan:
    """`readings` are stored; each question is asked for `seconds` by each number of clients; `threads` answer."""

    readings: int = 1_000_000
    sensors: int = 1_000
    seconds: float = 5.0
    threads: int = 8


def measure(plan: Plan, folder: Path, say: Say) -> dict[str, Any]:
    """Each question in turn with its file, as --json prints it. Raises RelayBenchError."""
    data = make_data(folder, plan.readings, plan.sensors, say)
    files = folder / "files"
    files.mkdir()
    say(f"storing {data.readings:,} readings")
    spec = json.dumps({"data": asdict(data), "folder": str(folder), "threads": plan.threads})
    found: dict[str, Any] = {"readings": data.readings} | asdict(plan)
    found |= {"cores": os.cpu_count() or 0, "python": platform.python_version()}
    with Child("api_server", spec) as server:
        url, of_sensors, of_sums = json.loads(server.line())
        for name, (path, token) in _questions(data, of_sensors, of_sums).items():
            body = _answer(url, path, token)
            (files / name).write_bytes(body)
            order = {"do": "ask", "url": url, "token": token, "seconds": plan.seconds, "body_bytes": len(body)}
            found[name] = {}
            for clients in CLIENTS:
                say(f"{name}, clients: {clients}")
                # In turn, so that a slow minute of the machine hits both.
                by_api, by_file = (
                    run_child("api_clients", order | {"path": one, "clients": clients})
                    for one in (path, f"/file/{name}")
                )
                ratio = by_api["per_s"] / by_file["per_s"]
                found[name][str(clients)] = {"api": by_api, "file": by_file, "ratio": round(ratio, 3)}
    return found


def _questions(data: Data, of_sensors: str, of_sums: str) -> dict[str, tuple[str, str]]:
    """(path and query, token) by name."""
    meter = f"/api/v1/sensors/{METER_ID}"
    within = "from={}&to={}".format
    day = datetime.fromtimestamp(data.region_day[0] + 43_200, UTC).date()
    return {
        "latest": (f"{meter}/latest", of_sensors),
        "day": (f"{meter}/readings?{within(*data.day)}", of_sensors),
        "year": (f"{meter}/readings?{within(*data.year)}&points={POINTS}&quantities=1-0:1.7.0", of_sensors),
        "region_day": (f"/api/v1/regions/energy?region=bench&from={day}&to={day}", of_sums),
    }


def _answer(url: str, path: str, token: str) -> bytes:
    answer = urllib3.request("GET", url.rstrip("/") + path, headers={"Authorization": f"Bearer {token}"}, retries=False)
    if answer.status != 200:
        raise RelayBenchError(f"{path}: {answer.status} {answer.data.decode()[:200]}")
    return answer.data
