"""A remote whose database is on a PostgreSQL server: what an SQLite file has no like of."""

import multiprocessing
import os
from contextlib import closing
from pathlib import Path

import psycopg
from click.testing import CliRunner
from gridecho.quantities import ENERGY_IMPORT, POWER_IMPORT
from gridecho.readings import Reading
from gridecho_common.secrets import write_secret
from gridecho_remote import open_archive
from gridecho_remote.commands.remote import remote
from gridecho_remote.rules.actor import OPERATOR
from gridecho_remote.rules.days import days_of
from gridecho_remote.rules.scopes import Scope
from gridecho_remote.store import curves, data, grants, queries, users
from gridecho_remote.store.grants import add_grant, revoke_grant
from gridecho_remote.store.postgresql import PostgresEngine
from gridecho_remote.use import places
from gridecho_remote.use.ingest import Ingest

from tests.rigs.fleet import Fleet, make_database
from tests.rigs.postgres import PASSWORD, PostgresServer
from tests.rigs.waiting import HANG_S

W = POWER_IMPORT
T0 = 1_800_000_000


def take_all(url: str, kek: bytes, bodies: list[bytes], gate, taken) -> None:
    """One remote of several that share a database takes these batches, when all of them are at the gate."""
    archive = open_archive(url, kek)
    ingest = Ingest(archive, days_of("UTC"))
    gate.wait(HANG_S)
    for body in bodies:
        ingest.take(body, 1_000 * T0)
    archive.close()
    taken.put(len(bodies))


def test_two_processes_that_take_the_same_store_it_once(fleet: Fleet) -> None:
    frames = [fleet.frame(sensor_id, [Reading(T0 + n, {W: n})]) for n in range(600) for sensor_id in (7, 8, 9)]
    frames += [fleet.frame(99, {W: n}, root=bytes(32)) for n in range(100)]
    clone = fleet.frame(7, {W: -1}, seq=5)

    def batches(relay_id: int, order: int) -> list[bytes]:
        """What two relays hold of the same; one brings it backwards."""
        return [fleet.batch(relay_id, (frames[at : at + 100] + [clone])[::order]) for at in range(0, len(frames), 100)]

    context = multiprocessing.get_context("spawn")
    gate, taken = context.Barrier(2), context.Queue()
    both = [batches(1, 1), batches(2, -1)[::-1]]
    racers = [
        context.Process(target=take_all, args=(fleet.database, fleet.kek, bodies, gate, taken)) for bodies in both
    ]
    for racer in racers:
        racer.start()
    assert [taken.get(timeout=HANG_S) for _ in racers] == [len(bodies) for bodies in both]
    for racer in racers:
        racer.join(HANG_S)
        assert racer.exitcode == 0
    assert queries.count_readings(fleet.archive) == 1_800
    assert queries.gaps(fleet.archive, 7) == []
    assert queries.count_quarantined(fleet.archive) == {"unknown sensor": 100, "same data id, other content": 1}


def test_a_full_disk_of_the_server_is_507_and_nothing_is_stored(fleet: Fleet) -> None:
    connection = fleet.archive.connection()
    connection.execute(
        "CREATE FUNCTION no_room() RETURNS trigger LANGUAGE plpgsql AS "
        "'BEGIN RAISE EXCEPTION USING ERRCODE = $c$disk_full$c$; END'"
    )
    connection.execute("CREATE TRIGGER full_disk BEFORE UPDATE ON sensor EXECUTE FUNCTION no_room()")
    try:
        answer = fleet.post(fleet.batch(1, [fleet.frame(7, {W: 1}, seq=0)]))
        assert (answer.status_code, answer.content_type) == (507, "application/problem+json")
        assert queries.count_data(fleet.archive) == 0
    finally:
        connection.execute("DROP FUNCTION no_room CASCADE")
    assert fleet.send(fleet.frame(7, {W: 1}, seq=0)).stored == 1


def test_the_server_may_come_back(fleet: Fleet, postgres: PostgresServer) -> None:
    assert fleet.send(fleet.frame(7, {W: 1})).stored == 1
    postgres.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid != pg_backend_pid()")
    assert fleet.send(fleet.frame(7, {W: 2})).stored == 1


def test_a_remote_is_set_up_by_its_settings(tmp_path: Path, postgres: PostgresServer) -> None:
    url = postgres.database()
    config = tmp_path / "remote.toml"

    def run(*words: str) -> tuple[int, str]:
        done = CliRunner().invoke(remote, [*words])
        assert PASSWORD not in done.output
        return done.exit_code, done.output

    assert run("init", "--dir", str(tmp_path), "--database", url)[0] == 0
    assert config.stat().st_mode & 0o077 == 0, "a password is in it"
    assert run("relays", "--json", "--config", str(config)) == (0, "[]\n")
    assert run("user", "add", "ada", "--config", str(config))[0] == 0
    other = tmp_path / "other"
    code, said = run("init", "--dir", str(other), "--database", url)
    assert (code, "already" in said) == (2, True)
    (tmp_path / "remote.key").unlink()
    write_secret(tmp_path / "remote.key")
    assert "another key file" in run("relays", "--config", str(config))[1]


def test_two_remotes_of_one_database_agree(tmp_path: Path, fleet: Fleet) -> None:
    """Another process of the same site knows at once what this one was told."""
    other = Fleet(tmp_path, database=fleet.database)
    client = other.person()
    fleet.send(fleet.frame(7, [Reading(T0 - 60, {W: 350})]))
    assert client.get("/api/v1/sensors").json["sensors"] == []
    number = add_grant(fleet.archive, "ada", sensor_id=7)
    assert [one["id"] for one in client.get("/api/v1/sensors").json["sensors"]] == [7]
    assert "350 W" in client.get("/").get_data(as_text=True)
    revoke_grant(fleet.archive, number)
    assert client.get("/api/v1/sensors").json["sensors"] == []
    other.close()


def shrink(url: str) -> None:
    """What another remote does."""
    with closing(PostgresEngine(url)) as engine:
        engine.shrink()


def test_a_region_has_what_lies_in_it_whatever_language_the_database_is_of(
    tmp_path: Path, postgres: PostgresServer
) -> None:
    postgres.sql("CREATE DATABASE of_a_language TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'en-US'")
    url = postgres.url("of_a_language")
    with psycopg.connect(url) as connection:
        order = connection.execute("SELECT 'north/' < 'north&x' AND 'north&x' < 'north0'").fetchone()
    assert order == (True,)  # by code point it is not so
    make_database(url)
    with closing(Fleet(tmp_path, database=url)) as fleet:
        archive = fleet.archive
        users.add_user(archive, "ulf")
        regions = {7: "north/city", 8: "north", 9: "north&x"}
        for sensor_id, region in regions.items():
            places.move(fleet.site, OPERATOR, sensor_id, region)
            add_grant(archive, "ulf", region=region)
            fleet.send(*(fleet.frame(sensor_id, [Reading(T0 - 60 * n, {ENERGY_IMPORT: 100})]) for n in range(3)))
        assert grants.matching(archive, Scope(region="north")) == [7, 8]
        given = grants.newest(archive, ["north"], None, True, fleet.site.clock(), 1 << 30, 100)
        assert sorted(one.scope.region or "" for one in given) == ["north", "north/city"]
        (day,) = fleet.site.days.number([T0]).tolist()
        sums = curves.of_region(archive, fleet.site.days, "north", day - 1, day + 1)
        assert [count for _, count in sums.values()] == [2]


def test_blocks_of_which_much_is_free_are_written_anew(fleet: Fleet) -> None:
    fleet.send(fleet.frame(7, {W: 5}))
    engine, connection = fleet.archive.engine, fleet.archive.connection()
    rows = [(1_000, 1, n, n, 0, 0, 0, 1, 1, 0, 0, 0, 0, os.urandom(1_900)) for n in range(12_000)]
    connection.insert("block", data.FIELDS, rows)
    size = engine.sizes()["block"]
    engine.shrink()
    assert engine.sizes()["block"] == size
    connection.execute("DELETE FROM block WHERE sensor_id = 1000 AND first_seq >= 100")
    connection.insert("stale", "sensor_id, day", [(1_000, day) for day in range(5_000)])
    connection.execute("DELETE FROM stale")
    connection.execute(
        "INSERT INTO sensor (id, name, region, category, key_id, wrapped_root, enrolled_s, seen_mask, levels, changes) "
        "SELECT one, one, '', '', 1, wrapped_root, 0, 0, 0, 0 FROM sensor, generate_series(2000, 2999) AS one WHERE sensor.id = 7"
    )
    for _ in range(2):
        connection.execute("UPDATE sensor SET levels = levels + 1 WHERE id >= 2000")
    before = engine.sizes()
    with psycopg.connect(fleet.database) as other:
        other.execute("SELECT count(*) FROM block")  # holds the table until its transaction ends
        shrink(fleet.database)
    assert engine.sizes()["block"] == size
    shrink(fleet.database)
    assert engine.sizes()["block"] < size // 20
    assert engine.sizes()["stale"] < before["stale"]
    assert engine.sizes()["sensor"] < before["sensor"] // 2
    assert connection.execute("SELECT count(*) FROM sensor WHERE levels = 2").fetchone() == (1_000,)
    assert connection.execute("SELECT count(*) FROM block").fetchone() == (101,)
