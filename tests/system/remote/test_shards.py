"""The big tables over two data servers: three real PostgreSQL processes, and remotes that are killed. tests/long has more of it."""

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from gridecho.batch import RECEIPT_BYTES, read_receipt
from gridecho.crypto import Cmac
from gridecho.groups import BATCH
from gridecho.relay_keys import receipt_key
from gridecho_remote import create_archive
from gridecho_remote.rules.actor import OPERATOR, person
from gridecho_remote.rules.errors import RemoteError, StorageAwayError
from gridecho_remote.rules.roles import role
from gridecho_remote.rules.scopes import Scope
from gridecho_remote.store import data, grants, shards, users
from gridecho_remote.store.database import Archive
from gridecho_remote.store.orders import take_states
from gridecho_remote.use import finding, fleet, imports, ingest, loads, standings, summary, upkeep

from tests.rigs.places import REPOSITORY
from tests.rigs.postgres import PostgresServer, folder_of_programs
from tests.rigs.shards import FIRST_S, SENSORS, STEP_S, SpreadSite, batch, check_load, frame, secret_of, tidied
from tests.rigs.stored import BLOCKS

needs_servers = pytest.mark.skipif(
    folder_of_programs() is None, reason="PostgreSQL is not installed (Debian: postgresql)"
)


@pytest.fixture
def spread(tmp_path: Path) -> Iterator[SpreadSite]:
    site = SpreadSite(tmp_path)
    yield site
    site.close()


@needs_servers
def test_what_is_committed_on_one_data_server_only_is_known_when_it_comes_again(
    spread: SpreadSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    site, end, halves = spread.site, 0, 0
    for number in (0, 1):  # which one is committed first is not said
        body = batch(7, [frame(sensor_id, seq) for sensor_id in SENSORS for seq in range(end, end + 90)])
        before = [spread.blocks_on(one) for one in (0, 1)]
        server = spread.servers[1 + number]

        def take_and_die(archive: Archive, told: list[Any], server: PostgresServer = server) -> None:
            take_states(archive, told)
            server.kill()  # nothing is left to do but to commit

        with monkeypatch.context() as patch:
            patch.setattr(ingest, "take_states", take_and_die)
            with pytest.raises(StorageAwayError):
                loads.take(site, (BATCH, body))
        site.archive.give_back()
        server.start()
        half = [spread.blocks_on(one) > before[one] for one in (0, 1)].count(True)
        assert half < 2
        halves += half
        # Whoever looks meanwhile finds what is there, and rolls it up.
        tidied(site)
        end += 90
        taken = loads.take(site, (BATCH, body))
        receipt = read_receipt(taken.answer[:RECEIPT_BYTES], Cmac(receipt_key(secret_of(7), 7)))
        assert receipt.stored + receipt.known == 12 * 90
        assert (receipt.known > 0) == (half > 0)
    assert halves, "no data server was committed alone: this tested nothing"
    spread.check(dict.fromkeys(SENSORS, end))


@needs_servers
def test_it_is_spread_with_what_it_has_and_guarded(spread: SpreadSite) -> None:
    site = spread.site
    assert "4 parts on 2 servers" in spread.said
    assert [
        json.loads(fields) for (fields,) in spread.rows("SELECT fields FROM audit WHERE what = 'upkeep.spread'")
    ] == [{"servers": 2, "parts": 4}]
    site.ingest.take(batch(7, [frame(1, seq) for seq in range(10)]), site.now_ms())
    [(sensor_id, epoch, first_seq, _, content)] = spread.rows(BLOCKS)
    # Whoever did not see that block, whatever became of the lock.
    for first, last in ((first_seq, 9), (5, 20)):
        with pytest.raises(StorageAwayError), site.archive.writing() as connection:
            data.insert(connection, [(sensor_id, epoch, first, last, 0, 1, 1, 1, 1, 0, 0, 0, 0, content)])
    for refusing, code in (
        (lambda: upkeep.backup(site, OPERATOR, spread.folder / "backup"), "shards-apart"),
        (lambda: upkeep.spread(site, OPERATOR, spread.data_urls, 4, print), "shards-there"),
    ):
        with pytest.raises(RemoteError) as refused:
            refusing()
        assert refused.value.code == code
    assert upkeep.examine(site, OPERATOR).problems == []
    spread.check({1: 10})
    spread.move_parts()
    spread.check({1: 10})
    site.ingest.take(batch(7, [frame(sensor_id, seq) for sensor_id in SENSORS for seq in range(10)]), site.now_ms())
    spread.check(dict.fromkeys(SENSORS, 10))


@needs_servers
def test_lists_and_the_overview_are_of_what_lies_apart(spread: SpreadSite, monkeypatch: pytest.MonkeyPatch) -> None:
    last_s = FIRST_S + 24 * STEP_S
    site = replace(spread.site, clock=lambda: float(last_s + 60))
    site.ingest.take(batch(7, [frame(sensor_id, seq) for sensor_id in SENSORS for seq in range(25)]), site.now_ms())
    tidied(site)
    users.add_user(site.archive, "ada")
    reader = person(users.user_id(site.archive, "ada"), [role("operator")])
    grants.put(site.archive, "ada", Scope(sensors=frozenset(SENSORS)), last_s)
    few = summary.summary(site, reader)
    monkeypatch.setattr(standings, "FEW", 0)
    assert summary.summary(site, reader) == few
    assert (few.sensors, few.reporting, few.power_of) == (12, 12, 12)
    shown = finding.find(site, reader, finding.Asked(sort="power", down=True))
    powers = [one.power_w for one in shown.rows]
    assert powers == sorted(powers, reverse=True)
    told = [one.sensor.id for one in fleet.ways(site, reader) if one.ways]
    assert told == [*SENSORS]
    assert [one.sensor.id for one in fleet.ways(site, reader, relay_id=7)] == told
    assert fleet.ways(site, reader, relay_id=8) == []


@needs_servers
def test_a_data_server_that_cannot_be_used_changes_nothing(tmp_path: Path, postgres: PostgresServer) -> None:
    url, full = postgres.database(), postgres.database()
    create_archive(full, bytes(32)).close()
    with closing(create_archive(url, bytes(32))) as archive:
        for other, code in ((f"{full}_not_there", "shards-failed"), (full, "database-there")):
            with pytest.raises(RemoteError) as refused:
                shards.spread(archive.engine, [other], 2, lambda *_: None)
            assert refused.value.code == code
            assert archive.connection().execute("SELECT count(*) FROM block").fetchone() == (0,)
            assert not archive.connection().apart
    with closing(create_archive(tmp_path / "one.sqlite", bytes(32))) as archive, pytest.raises(RemoteError) as refused:
        shards.spread(archive.engine, [full], 2, lambda *_: None)
    assert refused.value.code == "shards-engine"


@needs_servers
def test_nothing_is_lost_or_doubled_while_remotes_and_a_data_server_die(tmp_path: Path) -> None:
    check_load(tmp_path, kills=8, every_s=1.5, restarts=1)


def test_the_statements_for_citus_name_the_same_tables() -> None:
    text = (REPOSITORY / "docs" / "scale.md").read_text(encoding="utf-8")
    for table in shards.TABLES:
        assert f"create_distributed_table('{table}', 'sensor_id'" in text
    assert text.count("create_distributed_table('") == len(shards.TABLES)


@needs_servers
def test_a_households_file_is_taken_in_and_back(spread: SpreadSite) -> None:
    site = spread.site
    for sensor_id in SENSORS:
        lines = [f"{FIRST_S - 900 * n},{9_000 - n}" for n in range(1, 300)]
        content = "\n".join(["time,1-0:1.8.0", *lines]).encode()
        taken = imports.take(site, OPERATOR, sensor_id, content, "own.csv")
        assert (taken.readings, taken.known) == (299, False)
        assert imports.take(site, OPERATOR, sensor_id, content, "own.csv").known
    tidied(site)
    connection = site.archive.connection()
    days = connection.execute("SELECT count(*) FROM day_rollup").fetchone()[0]
    assert days >= 4 * len(SENSORS)
    with site.archive.writing() as writing:
        # As a database that was spread before does it at its next start.
        import_module("gridecho_remote.store.migrations.0023_days_anew").up(site.archive.engine, writing)
    assert connection.execute("SELECT count(*) FROM stale").fetchone() == (days,)
    for one in [imports.all_of(site, OPERATOR, sensor_id)[0] for sensor_id in SENSORS]:
        assert imports.take_back(site, OPERATOR, one.sensor_id, one.id) == 0
    tidied(site)
    for table in ("block", "day_rollup", "hour_rollup", "stale", "loose"):
        assert connection.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,), table  # noqa: S608
