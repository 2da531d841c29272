"""The whole system on this machine, as `gridecho demo` runs it: real processes, real sockets, the real firmware."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, OpenerDirector, build_opener

import pytest

from tests.rigs.places import SHARED
from tests.rigs.waiting import HANG_S, wait_for

SERIES = SHARED / "series" / "uci_household_1min_2007-02-01_02.csv.gz"
GRIDECHO = [sys.executable, "-m", "gridecho_cli"]


def run_demo(folder: Path, *options: object) -> dict[str, Any]:
    out = folder / "out.json"
    # The run must be right on any machine; how fast it is, is measured by hand and by the bench.
    # The relays are so far apart that a sensor on a busy machine does not take one for another.
    command = [*GRIDECHO, "demo", "--json", out, "--send-limit-ms", "60000", "--apart-ms", "150", *options]
    ran = subprocess.run(
        [str(part) for part in command], cwd=folder, capture_output=True, text=True, timeout=600, check=False
    )
    assert ran.returncode == 0, ran.stderr[-4000:]
    counts: dict[str, Any] = json.loads(out.read_text())
    return counts


def assert_whole(counts: dict[str, Any], readings: int) -> None:
    assert counts["readings_generated"] == counts["readings_acked"] == counts["readings_at_remote"] == readings
    for name in ("lost", "duplicates", "gaps", "value_mismatches", "readings_on_relays"):
        assert counts[name] == 0, name
    assert all(counts["holds"].values())
    for sensor in counts["sensors"].values():
        delays = sensor["relay_delays_ms"]
        for moment in ("before", "after"):
            assert sensor[f"route_{moment}"] == int(min(delays[moment], key=delays[moment].get))
        assert sensor["route_before"] != sensor["route_after"]


def test_measured_data_from_micropython_sensors_arrive_whole(tmp_path: Path) -> None:
    if not SERIES.exists():
        pytest.skip("the measured series are not beside this checkout")
    counts = run_demo(tmp_path, "--data", SERIES, "--runtime", "micropython", "--for", 30, "--sensors", 6)
    assert_whole(counts, 6 * 30)
    assert counts["send_readings"] > 10
    assert counts["send_to_queryable_ms"]["p99"] > 0


def test_drawn_readings_from_the_cpython_emulation_arrive_whole(tmp_path: Path) -> None:
    counts = run_demo(tmp_path, "--runtime", "cpython", "--for", 12, "--sensors", 3, "--speed", 120)
    assert_whole(counts, 3 * 24)


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A demo without an end, whose first lines were read: everything runs."""
    process = subprocess.Popen(
        [*GRIDECHO, "demo", "--sensors", "2", "--relays", "2", "--households", "7"],
        cwd=tmp_path,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("page "):
            process.page = line.split()[1]  # type: ignore[attr-defined]
        if line.startswith("also user analyst"):
            process.analyst = line.split()[-1]  # type: ignore[attr-defined]
            break
    yield process
    if process.poll() is None:
        process.kill()
    process.wait()
    process.stderr.close()


def offspring(pid: int) -> set[int]:
    """All processes that descend from `pid`, by /proc."""
    parents = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        parents[int(entry.name)] = int(fields[1])
    found: set[int] = set()
    while more := {child for child, parent in parents.items() if parent in found | {pid}} - found:
        found |= more
    return found


def left_of(pids: set[int]) -> set[int]:
    return {pid for pid in pids if Path(f"/proc/{pid}/cmdline").exists() and not is_zombie(pid)}


def is_zombie(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


@pytest.mark.parametrize("signal_number", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_leaves_no_process_and_no_file(
    demo: subprocess.Popen[str], tmp_path: Path, signal_number: signal.Signals
) -> None:
    children = offspring(demo.pid)
    assert (
        len(children) >= 3 + 2 + 2 + 6
    )  # register, remote and delays, relays, boards, households and what starts them
    demo.send_signal(signal_number)
    assert demo.wait(HANG_S) == 0
    assert left_of(children) == set()
    assert list(tmp_path.iterdir()) == []


def test_a_stranger_who_asks_is_looked_up(demo: subprocess.Popen[str]) -> None:
    page: str = demo.page  # type: ignore[attr-defined]
    answers = {}
    for user, name, role, evidence in (("ada", "Ada Wong", "analyst", "S-1001"), ("eve", "Ada Wong", "boss", "S-1001"),
                                       ("grace", "Grace Lee", "clerk", "S-1002")):  # fmt: skip
        browser = build_opener(HTTPCookieProcessor())

        def sent(path: str, browser: OpenerDirector = browser, **fields: str) -> str:
            form = browser.open(page + path, timeout=HANG_S).read().decode()
            token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', form)
            assert token
            body = urlencode({"csrf_token": token[1], **fields}).encode()
            return str(browser.open(page + path, body, timeout=HANG_S).read().decode())

        password = "a password of a stranger"
        sent("/join", name=user, password=password, again=password, email="")
        asked = {"name": name, "organisation": "Statistics Office", "role": role, "evidence": evidence, "days": "30"}
        wanted = {
            "region": "demo/riverside",
            "category": "",
            "resolution": "DAY",
            "purpose": "the demo",
            "submit": "Ask",
        }
        answers[user] = " ".join(sent("/requests", **asked, **wanted).split())
    assert '<dd class="col-sm-9">yes' in answers["ada"]
    assert "does not say the same of: role" in answers["eve"]
    assert "does not say the same of: active" in answers["grace"]


def test_the_citys_analyst_sees_months_and_waits_for_hours(demo: subprocess.Popen[str]) -> None:
    page: str = demo.page  # type: ignore[attr-defined]
    browser = build_opener(HTTPCookieProcessor())

    def sent(path: str, **fields: str) -> str:
        token = re.search(
            r'name="csrf_token"[^>]*value="([^"]+)"', browser.open(page + path, timeout=HANG_S).read().decode()
        )
        assert token
        return str(
            browser.open(page + path, urlencode({"csrf_token": token[1], **fields}).encode(), timeout=HANG_S).read()
        )

    sent("/login", name="analyst", password=demo.analyst)  # type: ignore[attr-defined]
    sent("/password", password="a password of an analyst", again="a password of an analyst")
    (mine,) = json.load(browser.open(page + "/api/v1/sensors", timeout=HANG_S))["sensors"]
    assert mine["region"] == "demo/oldtown"
    since = datetime.now(UTC).date() - timedelta(62)  # in which a whole month lies
    months = f"{page}/api/v1/sensors/{mine['id']}/energy?unit=month&from={since}"
    wait_for(lambda: json.load(browser.open(months, timeout=HANG_S))["energy"], "the sums of a whole month")
    asked = browser.open(f"{page}/requests", timeout=HANG_S).read().decode()
    assert "demo/harbour" in asked
    assert "verified" in asked


def test_even_a_killed_demo_leaves_no_process(demo: subprocess.Popen[str]) -> None:
    children = offspring(demo.pid)
    demo.kill()
    demo.wait(HANG_S)
    wait_for(lambda: not left_of(children), "the end of all its processes")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--json", "out.json"], "--json needs --for"),
        (["--data", "nowhere.csv"], "nowhere.csv"),
        (["--sensors", "0"], "--sensors"),
        (["--runtime", "rust"], "--runtime"),
        (["--keep", "."], "a new folder was expected"),
    ],
)
def test_wrong_options_are_one_sentence_and_exit_code_2(tmp_path: Path, options: list[str], says: str) -> None:
    ran = subprocess.run(
        [*GRIDECHO, "demo", *options], cwd=tmp_path, capture_output=True, text=True, timeout=HANG_S, check=False
    )
    assert ran.returncode == 2
    assert says in ran.stderr
    assert "Traceback" not in ran.stderr
