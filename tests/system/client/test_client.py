"""The client at a remote that runs as a process: all that was sent comes, once each, also where the line breaks in the middle."""

import csv
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from gridecho.quantities import ENERGY_IMPORT, POWER_IMPORT
from gridecho.readings import Reading
from gridecho_client import Client, RefusedError, UnreachableError
from gridecho_remote.rules.actor import person
from gridecho_remote.rules.scopes import Scope
from gridecho_remote.store.grants import add_grant
from gridecho_remote.use import tokens

from tests.rigs.fleet import Fleet
from tests.rigs.served import Breaking, served
from tests.rigs.waiting import HANG_S

ZONE = "Europe/Berlin"
T0 = int(datetime(2026, 10, 24, tzinfo=ZoneInfo(ZONE)).timestamp())  # the next day has 25 hours
STEP_S, COUNT = 10, 30_000
WH, W = "1-0:1.8.0", "1-0:1.7.0"
# What was sent, ten readings a datagram: every tenth datagram has no power.
SENT = [(T0 + STEP_S * n, 10**9 + n, None if n // 10 % 10 == 9 else 400 + n % 7) for n in range(COUNT)]


class Remote:
    """A remote as a process, with a token of Ada's for sensor 7."""

    def __init__(self, url: str, token: str, fleet: Fleet) -> None:
        self.url, self.token, self.fleet = url, token, fleet


@pytest.fixture(scope="module")
def remote(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Remote]:
    fleet = Fleet(tmp_path_factory.mktemp("remote"), now_s=SENT[-1][0] + 60, time_zone=ZONE)
    readings = [
        Reading(time_s, {ENERGY_IMPORT: wh} | ({} if w is None else {POWER_IMPORT: w})) for time_s, wh, w in SENT
    ]
    frames = [fleet.frame(7, readings[n : n + 10], n // 10) for n in range(0, COUNT, 10)]
    for n in range(0, len(frames), 500):
        fleet.send(*frames[n : n + 500])
    fleet.clock.now_s = time.time()  # the process's
    fleet.person("ada")
    add_grant(fleet.archive, "ada", sensor_id=7)
    token = tokens.add(fleet.site, person(1), "client", Scope(), 30).token
    with served(fleet) as url:
        yield Remote(url, token, fleet)
    fleet.close()


@pytest.fixture
def breaking(remote: Remote) -> Iterator[Callable[[list[int]], Breaking]]:
    made: list[Breaking] = []

    def make(after: list[int]) -> Breaking:
        made.append(Breaking(remote.url, after))
        return made[-1]

    yield make
    for one in made:
        one.close()


def test_the_sensors_that_the_token_opens(remote: Remote) -> None:
    with Client(remote.url, remote.token) as client:
        (sensor,) = client.sensors()
        assert (sensor.id, sensor.name, [one.obis for one in sensor.quantities]) == (7, "Mill Lane 12", [WH, W])
        with pytest.raises(RefusedError) as refused:
            client.read(8)
        assert (refused.value.status, refused.value.code) == (404, "nothing-here")
        assert remote.token not in repr(client) + str(refused.value)


def test_single_readings_page_by_page_over_a_line_that_breaks(remote: Remote, breaking) -> None:
    line = breaking([300_000, 100_000, 1_000])
    with Client(line.url, remote.token) as client:
        table = client.read(7)
    assert line.broken == 3
    assert list(zip(table.times, table.columns[WH], table.columns[W], strict=True)) == SENT
    assert len(set(zip(table.epochs, table.seqs, table.items, strict=True))) == COUNT
    assert (table.zone, table.holes) == ("UTC", [])


def test_a_span_ends_before_its_end(remote: Remote) -> None:
    begin, end = datetime.fromtimestamp(SENT[100][0], UTC), datetime.fromtimestamp(SENT[120][0], ZoneInfo(ZONE))
    with Client(remote.url, remote.token) as client:
        table = client.read(7, begin, end, [W, "1-0:2.8.0"])
        assert list(zip(table.times, table.columns[W], strict=True)) == [(t, w) for t, _, w in SENT[100:120] if w]
        assert set(table.columns["1-0:2.8.0"]) == {None}
        with pytest.raises(ValueError, match="zone"):
            client.read(7, datetime(2026, 10, 24))  # noqa: DTZ001  # it is to be refused


def test_energy_by_hour_over_the_day_of_25_hours_in_pandas(remote: Remote) -> None:
    import pandas

    with Client(remote.url, remote.token) as client:
        table = client.read(7, T0 + 86_400, T0 + 86_400 + 25 * 3_600, resolution="hour")
    assert (len(table), set(table.columns[WH]), table.zone) == (25, {360}, ZONE)
    frame = table.to_pandas()
    assert [str(one)[11:16] for one in frame.index[1:5]] == ["01:00", "02:00", "02:00", "03:00"]
    assert (str(frame.index.tz), str(frame[WH].dtype)) == (ZONE, "Int64")
    by_day = frame[WH].groupby(frame.index.date).sum()
    assert by_day.tolist() == [9_000]
    with Client(remote.url, remote.token) as client:
        raw = client.read(7, SENT[80][0], SENT[100][0]).to_pandas(ZONE)
        month = client.read(7, T0 - 40 * 86_400, resolution="month")
    assert raw[W].isna().sum() == 10
    assert isinstance(raw.index.dtype, pandas.DatetimeTZDtype)
    assert (list(month.columns[WH]), month.times[0]) == (
        [COUNT - 1],
        int(datetime(2026, 10, 1, tzinfo=ZoneInfo(ZONE)).timestamp()),
    )


def test_a_file_goes_on_after_the_row_that_came_last(remote: Remote, breaking, tmp_path: Path) -> None:
    line = breaking([200_000, 400_000])
    with Client(line.url, remote.token) as client:
        done = client.download(7, tmp_path / "whole.csv")
    assert (line.broken, done.rows, done.holes) == (2, COUNT, 0)
    assert [f"from={T0}&" in asked or "from=0&" in asked for asked in line.asked] == [True, False, False]
    with Client(remote.url, remote.token) as client:
        client.download(7, tmp_path / "at once.csv")
    assert (tmp_path / "whole.csv").read_bytes() == (tmp_path / "at once.csv").read_bytes()
    with (tmp_path / "whole.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(int(row["time"]), int(row[f"{WH} [Wh]"])) for row in rows] == [(time_s, wh) for time_s, wh, _ in SENT]
    assert len(list(tmp_path.iterdir())) == 2


def test_a_file_that_was_given_up_goes_on_in_a_later_call(remote: Remote, breaking, tmp_path: Path) -> None:
    line = breaking([300_000] + [0] * 100)
    with Client(line.url, remote.token, patience_s=0.1) as client, pytest.raises(UnreachableError):
        client.download(7, tmp_path / "whole.csv")
    (part,) = tmp_path.iterdir()
    assert 100_000 < part.stat().st_size < 300_000
    with part.open("r+b") as file:  # as a loss of power leaves it
        file.truncate(part.stat().st_size - 5)
    line.after.clear()
    line.asked.clear()
    done = read(remote, "7", "--url", line.url, "-o", str(tmp_path / "whole.csv"))
    assert f"{COUNT} readings." in done.stderr
    assert "from=0&" not in line.asked[0]
    (whole,) = tmp_path.iterdir()
    with whole.open(newline="") as file:
        assert [int(row["time"]) for row in csv.DictReader(file)] == [time_s for time_s, _, _ in SENT]


def test_the_command(remote: Remote, tmp_path: Path) -> None:
    assert read(remote, "--url", remote.url).stdout == f"7\tMill Lane 12\tnorth/city-a\t{WH} {W}\n"
    span = ["--from", "2026-10-25T00:00+02:00", "--to", "2026-10-25T03:00+01:00"]
    done = read(remote, "7", "--url", remote.url, *span, "--resolution", "hour")
    assert done.stdout.splitlines() == [
        f"time,utc,{WH}",
        *(f"{T0 + 86_400 + n * 3_600},2026-10-2{4 if n < 2 else 5}T{(22 + n) % 24:02}:00:00Z,360" for n in range(4)),
    ]
    token_file = tmp_path / "token"
    token_file.write_text("gridecho-no-such-token\n")
    assert "others may read" in read(remote, "--url", remote.url, "--token-file", str(token_file), code=1).stderr
    token_file.chmod(0o600)
    refused = read(remote, "--url", remote.url, "--token-file", str(token_file), code=1).stderr
    assert "HTTP 401" in refused
    assert "no-such-token" not in refused


def read(remote: Remote, *words: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    """`gridecho read`, to its end."""
    done = subprocess.run(
        [sys.executable, "-m", "gridecho_cli", "read", *words],
        env=os.environ | {"GRIDECHO_TOKEN": remote.token, "TZ": "UTC"},
        capture_output=True,
        text=True,
        timeout=HANG_S,
    )
    assert done.returncode == code, done.stderr
    return done
