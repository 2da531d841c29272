"""A remote whose disk is full or read-only, or whose database server goes away and comes back: relays keep what it cannot take."""

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import urllib3
from gridecho import relay_keys

from tests.rigs.durability.remote_kills import check_whole, tidied
from tests.rigs.forks import gridecho
from tests.rigs.load import RELAY_ID, Load
from tests.rigs.postgres import PASSWORD, PostgresServer
from tests.rigs.processes import RelayProcess, RemoteProcess, frames_in
from tests.rigs.small_disk import fill, mounted, read_only
from tests.rigs.waiting import HANG_S, wait_for

SENSORS = range(1, 6)
SIZE_BYTES = 12 << 20


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with mounted(tmp_path / "disk", SIZE_BYTES) as folder:
        yield folder


def relay_of(folder: Path, remote_url: str = "http://127.0.0.1:1") -> RelayProcess:
    limits = {"store_bytes": 60_000, "threshold_bytes": 20_000, "buffer_bytes": 60_000, "outbox_bytes": 400_000}
    return RelayProcess(folder / "relay", remote_url, **limits)


def said_to(relay: RelayProcess, status: int) -> bool:
    """Whether the remote gave the relay this answer to a batch."""
    return f"HTTP {status}" in relay.log.read_text()


def check_kept(load: Load, relay: RelayProcess, remote: RemoteProcess) -> None:
    acked = set(load.acked)
    held = {frame[4:16] for frame in frames_in(relay.database)}
    assert acked <= held | remote.stored()


def page(remote: RemoteProcess, path: str = "login", **headers: str) -> urllib3.BaseHTTPResponse:
    return urllib3.request("GET", f"{remote.url}/{path}", headers=headers, retries=False, timeout=HANG_S)


def test_a_full_disk(tmp_path: Path, disk: Path) -> None:
    secret = relay_of(tmp_path).secret
    remote = RemoteProcess(
        tmp_path / "remote", {RELAY_ID: secret}, SENSORS, str(disk / "remote.sqlite"), tidy_every_s=0.02
    )
    relay = relay_of(tmp_path, remote.url)
    load = Load(SENSORS, relay.port, window=40, rate=400, again=0.1)
    try:
        remote.start()
        relay.start()
        load.start()
        wait_for(remote.count, "the first data")
        fill(disk / "else")
        wait_for(lambda: said_to(relay, 507), "the answer 507")
        assert "storage-full" in remote.log.read_text()
        assert page(remote).status == 200
        check_kept(load, relay, remote)
        # It may be started so, too.
        remote.kill()
        fill(disk / "else")
        remote.start()
        acked = len(load.acked)
        wait_for(lambda: len(load.acked) > acked + 50, "new data, which stay on the relay")
        check_kept(load, relay, remote)
        (disk / "else").unlink()
        load.finish(HANG_S)
        relay.flush(HANG_S)
        tidied(remote)
    finally:
        load.stop()
        relay.close()
        remote.close()
    check_whole(remote, [load])
    relay.check_log()
    assert "Traceback" not in remote.log.read_text()


def test_a_disk_that_is_read_only(tmp_path: Path, disk: Path) -> None:
    remote = RemoteProcess(tmp_path / "remote", {}, SENSORS, str(disk / "remote.sqlite"))
    with read_only(disk):
        for words in (["run"], ["user", "add", "ada"]):
            done = subprocess.run(
                [sys.executable, "-m", "gridecho_cli", "remote", *words, "--config", str(remote.config)],
                capture_output=True,
                text=True,
                timeout=HANG_S,
            )
            assert done.returncode == 2, done.stderr
            assert "remote.sqlite: cannot be" in done.stderr
            assert len(done.stderr.strip().splitlines()) == 1
    gridecho("remote", "user", "add", "ada", "--config", str(remote.config))


def test_a_server_that_goes_away_and_comes_back(tmp_path: Path, postgres: PostgresServer) -> None:
    secret = relay_of(tmp_path).secret
    remote = RemoteProcess(tmp_path / "remote", {RELAY_ID: secret}, SENSORS, postgres.database(), tidy_every_s=0.02)
    relay = relay_of(tmp_path, remote.url)
    load = Load(SENSORS, relay.port, window=40, rate=400, again=0.1)
    keys = f"relay/v1/keys?relay={RELAY_ID}&have=0"
    token = {"Authorization": "Bearer " + relay_keys.relay_token(secret, RELAY_ID).hex()}

    def at_once() -> set[int]:
        """The answers to more requests than there are threads: all connections that it has are used."""
        with ThreadPoolExecutor(16) as pool:
            return set(pool.map(lambda _: page(remote, keys, **token).status, range(32)))

    try:
        remote.start()
        relay.start()
        load.start()
        for _ in range(2):
            before = remote.count()
            wait_for(lambda before=before: remote.count() > before, "data")
            assert at_once() == {200}
            postgres.stop()
            try:
                assert at_once() == {503}
                answer = page(remote, keys, **token)
                assert answer.json()["detail"].startswith("The remote cannot reach or write its database now")
                assert int(answer.headers["Retry-After"]) > 0
                wait_for(lambda: said_to(relay, 503), "the answer 503")
                acked = len(load.acked)
                wait_for(lambda acked=acked: len(load.acked) > acked + 50, "new data, which stay on the relay")
            finally:
                postgres.start()
            assert at_once() == {200}, "no connection from before is used"
            check_kept(load, relay, remote)
        load.finish(HANG_S)
        relay.flush(HANG_S)
        tidied(remote)
    finally:
        load.stop()
        relay.close()
        remote.close()
    check_whole(remote, [load])
    relay.check_log()
    said = remote.log.read_text()
    assert "tidying-failed" in said
    assert "storage-away" in said
    assert "Traceback" not in said
    assert PASSWORD not in said
