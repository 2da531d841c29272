"""Databases of every schema there was, as kept in tests/rigs/remote_dumps, become what a fresh one is, with all they had."""

import re
import sqlite3
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest
from gridecho_remote.rules.actor import OPERATOR
from gridecho_remote.rules.days import days_of
from gridecho_remote.rules.roles import role
from gridecho_remote.settings import RemoteSettings
from gridecho_remote.store import audit, enrol, grants, migrate, orders, queries, rollups, timeline, undated, users
from gridecho_remote.store.database import Archive, create_archive, open_archive
from gridecho_remote.store.engine import Connection
from gridecho_remote.store.models import SCHEMA_VERSION, TABLES
from gridecho_remote.store.sqlite import SqliteEngine
from gridecho_remote.use import orders as pushing
from gridecho_remote.use.site import site_of

from tests.rigs.postgres import PostgresServer
from tests.rigs.remote_dumps.make import BETWEEN_ROOT, COMING_ROOT, CONFIG_VERSION, FOLDER, KEK, NEW_ROOT, ROOTS, fill
from tests.rigs.waiting import HANG_S

OF_SQLITE = sorted(int(path.stem.partition("_")[2]) for path in FOLDER.glob("sqlite_*.sql"))
OF_POSTGRESQL = sorted(int(path.stem.partition("_")[2]) for path in FOLDER.glob("postgresql_*.sql"))
# What two databases never have in common: clocks and chance.
CHANCE = {
    "enrolled_s",
    "added_s",
    "granted_s",
    "revoked_s",
    "created_s",
    "password_hash",
    "proxy",
    "why",
    "reason",  # a sentence up to schema 6
    "ballot",
}
CHANCE |= {"digest", "wrapped_secret", "began_ms", "nonce", "client_id"}
CHANCE |= {"changes"}  # counted from a migration on
EVERYTHING = (1 << 56) - 1
ALL = timeline.Span(0, 1 << 40)


def dump_of(schema: int) -> str:
    return (FOLDER / f"sqlite_{schema}.sql").read_text(encoding="utf-8")


def load(schema: int, path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.executescript(dump_of(schema))
    connection.close()
    path.chmod(0o600)


@pytest.fixture
def fresh(tmp_path: Path, schema: int) -> Iterator[Archive]:
    archive = create_archive(tmp_path / "fresh.sqlite", KEK)
    fill(archive, schema)
    yield archive
    archive.close()


def shape(path: Path) -> dict[str, object]:
    """Tables, columns, keys and indexes, whatever the order of columns and the words for types."""
    connection = sqlite3.connect(path)
    found: dict[str, object] = {}
    for table, without_rowid in connection.execute("SELECT name, wr FROM pragma_table_list WHERE schema = 'main'"):
        if table.startswith("sqlite_"):
            continue
        columns = {
            (name, "TEXT" if "CHAR" in kind else "INTEGER" if "INT" in kind else kind, not_null, key)
            for _, name, kind, not_null, _, key in connection.execute(f"PRAGMA table_info('{table}')")
        }
        keys = {row[2:5] for row in connection.execute(f"PRAGMA foreign_key_list('{table}')")}
        found[table] = (without_rowid, columns, keys)
    for name, text in connection.execute(
        "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
    ):
        found[name] = re.sub(r'[\s"()]|IFNOTEXISTS', "", text.upper().replace("IF NOT EXISTS", ""))
    connection.close()
    return found


def contents(archive: Archive) -> dict[str, list[dict[str, Any]]]:
    rollups.use_zone(archive, days_of("UTC"))  # as whoever opens a site does: it marks what is to be rolled up
    found = {}
    for model in TABLES:
        name = model._meta.table_name
        if name not in ("meta", "user", "grant", "enrol_code"):
            rows = model.select().dicts().execute(archive.db)
            kept = [{k: v for k, v in row.items() if k not in CHANCE} for row in rows]
            found[name] = sorted(kept, key=repr)
    return found


def test_days_that_were_kept_with_too_few_bits_are_made_anew(tmp_path: Path) -> None:
    path = tmp_path / "old.sqlite"
    load(22, path)
    with closing(sqlite3.connect(path)) as old:
        old.execute("INSERT INTO day_rollup (sensor_id, day, mask, cut, stats) VALUES (7, 12000, 1, 0, zeroblob(76))")
        old.commit()
    archive = open_archive(path, KEK)
    assert (7, 12000) in archive.connection().execute("SELECT sensor_id, day FROM stale").fetchall()
    archive.close()


@pytest.mark.parametrize("schema", OF_SQLITE)
def test_an_sqlite_database_becomes_as_a_fresh_one(schema: int, tmp_path: Path, fresh: Archive) -> None:
    path = tmp_path / "old.sqlite"
    load(schema, path)
    open_archive(path, KEK).close()
    migrated = open_archive(path, KEK)
    assert migrated.meta("schema_version") == str(SCHEMA_VERSION)
    assert shape(path) == shape(tmp_path / "fresh.sqlite")
    right = contents(fresh)
    if schema == 1:
        right["state"] = []  # sensors tell it again every hour
    if schema < 7:
        right["audit"] = right["tries"] = []
    if schema < 9:
        right["bringer"] = []  # it is seen anew with what comes
    assert contents(migrated) == right
    logins = 'SELECT id, password_hash, must_change, one_time_until_s, added_s FROM "user" ORDER BY id'
    with closing(sqlite3.connect(":memory:")) as old:
        old.executescript(dump_of(schema))
        assert migrated.connection().execute(logins).fetchall() == old.execute(logins).fetchall()
    check_answers(migrated, fresh, schema)
    migrated.close()


def check_answers(migrated: Archive, fresh: Archive, schema: int) -> None:
    """What is asked of the one and of the other."""
    assert list(audit.broken(migrated, {})) == []
    with audit.chain(migrated) as (rows, end, _):
        assert end.id == len(list(rows))
    for sensor_id in ROOTS:
        answers = [
            (
                [item for part in timeline.stream(one, sensor_id, EVERYTHING, ALL) for item in part.rows()],
                [item for part in undated.stream(one, sensor_id, EVERYTHING) for item in part.rows()],
                queries.gaps(one, sensor_id),
                queries.route_history(one, sensor_id),
            )
            for one in (migrated, fresh)
        ]
        assert answers[0] == answers[1]
    assert grants.list_grants(migrated) == grants.list_grants(fresh)
    assert enrol.sensor_roots(migrated, 8, 1) == [NEW_ROOT, BETWEEN_ROOT, ROOTS[8]]
    assert enrol.sensor_roots(migrated, 7, 2) == ([COMING_ROOT] if schema >= 5 else [])
    names = [one.name for one in users.users(migrated)]
    assert names == (["Ada", "Grace"] if schema >= 5 else ["Ada", "Grace", "ada 2"])
    assert users.user_id(migrated, "ADA") == 1
    # It goes on as a fresh one does.
    users.add_user(migrated, "new")
    with migrated.writing():
        orders.take_states(migrated, [(9, CONFIG_VERSION, 3, 1, 1, 0, 5)])
    assert orders.sensor_state(migrated, 9)[CONFIG_VERSION] == 3
    assert pushing.push_key(site_of(RemoteSettings(), migrated), OPERATOR, 9, 2, NEW_ROOT) >= 4
    enrol.replace_key(migrated, 8, COMING_ROOT)
    assert enrol.sensor_roots(migrated, 8, 1) == [COMING_ROOT, NEW_ROOT, BETWEEN_ROOT, ROOTS[8]]


@pytest.mark.parametrize("schema", OF_POSTGRESQL)
def test_a_postgresql_database_becomes_as_a_fresh_one(
    schema: int, postgres: PostgresServer, tmp_path: Path, fresh: Archive
) -> None:
    url, other = postgres.database(), postgres.database()
    with psycopg.connect(url) as connection:
        connection.execute((FOLDER / f"postgresql_{schema}.sql").read_text(encoding="utf-8"))
    create_archive(other, KEK).close()
    migrated = open_archive(url, KEK)
    assert migrated.meta("schema_version") == str(SCHEMA_VERSION)
    assert postgres_shape(url) == postgres_shape(other)
    check_answers(migrated, fresh, schema)
    migrated.close()


@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
def test_administrators_of_before_run_the_fleet_and_decide_on_grants(
    engine: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    database: str | Path = tmp_path / "old.sqlite"
    made = "UPDATE \"user\" SET admin = TRUE WHERE name = 'Grace'"
    if engine == "sqlite":
        load(11, tmp_path / "old.sqlite")
        with closing(sqlite3.connect(database)) as connection:
            connection.execute(made)
            connection.commit()
    else:
        database = request.getfixturevalue("postgres").database()
        with psycopg.connect(str(database)) as connected:
            connected.execute((FOLDER / "postgresql_11.sql").read_text(encoding="utf-8"))
            connected.execute(made.replace('"user"', 'public."user"'))
    with closing(open_archive(database, KEK)) as archive:
        held = {one.name: one.roles for one in users.users(archive)}
    assert held == {"Ada": [], "Grace": [role("administrator"), role("operator")]}


def postgres_shape(url: str) -> list[list[tuple[object, ...]]]:
    with psycopg.connect(url) as connection:
        return [
            sorted(connection.execute(query).fetchall(), key=repr)
            for query in (
                "SELECT table_name, column_name, data_type, is_nullable, character_maximum_length "
                "FROM information_schema.columns WHERE table_schema = 'public'",
                "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'",
                "SELECT conrelid::regclass::text, pg_get_constraintdef(oid) FROM pg_constraint "
                "WHERE connamespace = 'public'::regnamespace",
            )
        ]


def test_there_is_a_dump_of_every_schema_before_this_one() -> None:
    assert list(range(1, OF_SQLITE[-1] + 1)) == OF_SQLITE
    assert OF_SQLITE[-1] >= SCHEMA_VERSION - 1
    assert [step.schema for step in migrate.steps_after(1)] == list(range(2, SCHEMA_VERSION + 1))


def test_a_migration_that_is_cut_off_goes_on_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "old.sqlite"
    load(1, path)
    broken = migrate.steps_after(0)[2]

    class PowerCutError(Exception):
        pass

    def up(engine: object, connection: Connection) -> None:
        broken.up(engine, connection)
        raise PowerCutError

    taken: list[int] = []

    def take(engine: object, step: migrate.Step) -> bool:
        taken.append(step.schema)
        return real(engine, migrate.Step(step.schema, step.name, up) if step.schema == broken.schema else step)

    real = migrate.take
    with monkeypatch.context() as patch:
        patch.setattr(migrate, "take", take)
        with pytest.raises(PowerCutError):
            open_archive(path, KEK)
    assert taken == [2, 3, 4]
    engine = SqliteEngine(path)
    assert migrate.schema_of(engine.connection()) == 3
    assert "relay_group" not in engine.db.get_tables()
    engine.close()
    with closing(open_archive(path, KEK)) as archive:
        assert archive.meta("schema_version") == str(SCHEMA_VERSION)


def test_of_two_that_come_at_once_each_step_is_taken_once(tmp_path: Path) -> None:
    path = tmp_path / "old.sqlite"
    load(1, path)
    gate = threading.Barrier(2)

    def come(_: int) -> list[bool]:
        engine = SqliteEngine(path)
        gate.wait(HANG_S)
        taken = [migrate.take(engine, step) for step in migrate.steps_after(1)]
        engine.close()
        return taken

    with ThreadPoolExecutor(2) as pool:
        both = list(pool.map(come, range(2)))
    assert [sum(pair) for pair in zip(*both, strict=True)] == [1] * (SCHEMA_VERSION - 1)
