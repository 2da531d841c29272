"""Looking after the database: backups and what becomes of them, its health, its schema, and the way to another engine."""

import json
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from gridecho.quantities import POWER_IMPORT
from gridecho.readings import Reading
from gridecho_remote import open_archive
from gridecho_remote.commands.remote import remote
from gridecho_remote.store import audit, grants, orders, users
from gridecho_remote.store.database import Archive, create_archive
from gridecho_remote.store.models import SCHEMA_VERSION, TABLES

from tests.rigs.fleet import Fleet
from tests.rigs.postgres import PASSWORD, PostgresServer
from tests.rigs.remote_dumps.make import FOLDER, KEK, fill
from tests.rigs.waiting import HANG_S, wait_for

T0 = 1_800_000_000
SET = b"wrapped some day"


def settings(folder: Path, database: str | Path, kek: bytes) -> Path:
    """A settings file that names this database, and the key beside it."""
    folder.mkdir(exist_ok=True)
    config = folder / "remote.toml"
    config.write_text(f"database = {json.dumps(str(database))}\n")
    (folder / "remote.key").write_text(kek.hex())
    (folder / "remote.key").chmod(0o600)
    return config


def run(config: Path, *words: str) -> Result:
    done = CliRunner().invoke(remote, [*words, "--config", str(config)])
    assert PASSWORD not in done.output
    return done


def everything(archive: Archive) -> dict[str, list[tuple[object, ...]]]:
    """All rows of all tables."""
    return {model._meta.table_name: sorted(model.select().tuples().execute(archive.db), key=repr) for model in TABLES}


@pytest.fixture
def filled(fleet: Fleet) -> Fleet:
    fleet.send(*(fleet.frame(sensor_id, [Reading(T0, {POWER_IMPORT: n})]) for n in range(30) for sensor_id in (7, 8)))
    users.add_user(fleet.archive, "ada")
    grants.add_grant(fleet.archive, "ada", region="north")
    orders.put(fleet.archive, [7], 1, SET, T0)
    return fleet


@pytest.fixture
def elsewhere(engine: str, tmp_path: Path, request: pytest.FixtureRequest) -> str:
    """Where nothing is yet."""
    if engine == "sqlite":
        return str(tmp_path / "elsewhere.sqlite")
    return str(request.getfixturevalue("postgres").database())


def test_a_backup_of_a_live_remote_is_restored(filled: Fleet, elsewhere: str, tmp_path: Path) -> None:
    config = settings(tmp_path / "here", filled.database, filled.kek)
    stop = threading.Event()

    def write() -> None:
        while not stop.is_set():
            filled.send(filled.frame(9, [Reading(T0, {POWER_IMPORT: 1})]))

    writer = threading.Thread(target=write)
    writer.start()
    try:
        wait_for(lambda: filled.archive.connection().execute("SELECT 1 FROM block WHERE sensor_id = 9").fetchone())
        file = tmp_path / "one.backup"
        done = run(config, "backup", str(file), "--json")
    finally:
        stop.set()
        writer.join(HANG_S)
    assert (done.exit_code, json.loads(done.stdout)["bytes"]) == (0, file.stat().st_size)
    assert file.stat().st_mode & 0o077 == 0
    assert [path.name for path in tmp_path.glob("*.part*")] == []
    other = settings(tmp_path / "there", elsewhere, filled.kek)
    assert json.loads(run(other, "restore", str(file), "--json").stdout) == {"schema": SCHEMA_VERSION}
    with closing(open_archive(elsewhere, filled.kek)) as restored:
        ours, theirs = everything(restored), everything(filled.archive)
        # Of what came meanwhile it has what was there at one moment.
        data = ours.pop("block")
        assert {row for row in theirs["block"] if row[0] != 9} <= set(data) < set(theirs.pop("block"))
        for name in ("sensor", "quarantine"):
            ours.pop(name), theirs.pop(name)
        assert [row[4] for row in ours.pop("audit")] == ["upkeep.backup", "upkeep.restore"]
        assert [row[4] for row in theirs.pop("audit")] == ["upkeep.backup"]
        assert list(audit.broken(restored, {})) == []
        mine, its = (dict(one.pop("meta")) for one in (ours, theirs))
        assert mine.pop("audit_head") != its.pop("audit_head")
        assert mine == its
        assert ours == theirs
        assert users.add_user(restored, "new")
    assert run(other, "doctor").exit_code == 0
    for again in (run(other, "restore", str(file)), run(config, "backup", str(file))):
        assert (again.exit_code, "already" in again.output) == (1, True)


def test_what_is_no_backup(filled: Fleet, elsewhere: str, engine: str, tmp_path: Path) -> None:
    other = settings(tmp_path / "there", elsewhere, filled.kek)
    file = tmp_path / "one.backup"
    for content, said in ((b"", "no backup"), (b"nothing like it", "no backup")):
        file.write_bytes(content)
        done = run(other, "restore", str(file))
        assert (done.exit_code, said in done.output) == (1, True)
    assert "cannot be read" in run(other, "restore", str(tmp_path / "none")).output
    file.unlink()
    assert run(settings(tmp_path / "here", filled.database, filled.kek), "backup", str(file)).exit_code == 0
    strange = settings(tmp_path / "strange", elsewhere, bytes(32))
    assert "another key file" in run(strange, "restore", str(file)).output
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
    assert run(other, "restore", str(file)).exit_code == 1
    with pytest.raises(Exception, match=r"init|not a database"):
        open_archive(elsewhere, filled.kek)
    file.write_bytes(whole)
    assert run(other, "restore", str(file)).exit_code == 0, "nothing was left of what failed"


def test_a_backup_where_nothing_can_be_written(filled: Fleet, tmp_path: Path) -> None:
    config = settings(tmp_path / "here", filled.database, filled.kek)
    done = run(config, "backup", str(tmp_path / "no folder" / "one.backup"))
    assert (done.exit_code, "cannot be written" in done.output) == (2, True)


def test_the_doctor_finds_what_is_wrong(filled: Fleet, tmp_path: Path) -> None:
    config = settings(tmp_path / "here", filled.database, filled.kek)
    report = json.loads(run(config, "doctor", "--json").stdout)
    assert (report["schema"], report["problems"]) == (SCHEMA_VERSION, [])
    rows = {one["table"]: one["rows"] for one in report["tables"]}
    assert (rows["block"] > 0, rows["sensor"], rows["user"], rows["holding"]) == (True, 3, 1, 0)
    assert all(one["bytes"] > 0 for one in report["tables"] if one["rows"])
    assert "sound" in run(config, "doctor").output
    with filled.archive.writing() as connection:
        connection.execute(
            "UPDATE sensor SET wrapped_root = (SELECT wrapped_root FROM sensor WHERE id = 7) WHERE id = 8"
        )
        connection.execute("UPDATE orders SET content = content + 1")
        connection.execute("DELETE FROM relay WHERE id = 2")
        connection.execute("INSERT INTO relay_state VALUES (2, 0, 0, 0, '', '{}', 0, 0, 0, 0)")
    done = run(config, "doctor", "--json")
    assert done.exit_code == 1
    said = " ".join(json.loads(done.stdout)["problems"])
    for part in ("secret of sensor 8", "1 rows of orders", "1 rows of relay_state have a relay_id"):
        assert part in said
    assert "NOT sound" in run(config, "doctor").output


def test_the_doctor_finds_a_damaged_page(filled: Fleet, tmp_path: Path, only_sqlite: None) -> None:
    filled.archive.close()
    path = Path(filled.database)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        query = "SELECT rootpage FROM sqlite_master WHERE name LIKE 'block_sensor_id_level%'"
        (page,) = connection.execute(query).fetchone()
    content = bytearray(path.read_bytes())
    content[4096 * page - 60 : 4096 * page - 10] = bytes(50)
    path.write_bytes(content)
    done = run(settings(tmp_path / "here", path, filled.kek), "doctor")
    assert (done.exit_code, "damaged" in done.output) == (1, True)


def test_migrate_says_what_it_does(tmp_path: Path, only_sqlite: None, engine: str) -> None:
    path = tmp_path / "old.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript((FOLDER / "sqlite_3.sql").read_text(encoding="utf-8"))
    config = settings(tmp_path / "here", path, KEK)
    steps = list(range(4, SCHEMA_VERSION + 1))
    said = run(config, "migrate").output
    assert all(f"Schema {schema}: " in said for schema in steps)
    assert json.loads(run(config, "migrate", "--json").stdout) == {"schema": SCHEMA_VERSION, "steps": []}


ROWS = 3_000  # of routes, beside what else there is


@pytest.fixture
def source(tmp_path: Path, only_sqlite: None, engine: str) -> Iterator[Archive]:
    archive = create_archive(tmp_path / "source.sqlite", KEK)
    fill(archive)
    users.add_user(archive, "nul \0 in it")
    with archive.writing() as connection:
        fields = "sensor_id, epoch, seq, item, time_s, relay_id, rtt_us"
        connection.insert("route", fields, [(7, 9, n, 0, T0 + n, 1, n) for n in range(ROWS)])
    yield archive
    archive.close()


def start_copy(config: Path, to: Path) -> subprocess.Popen[str]:
    words = ["remote", "copy", "--batch", "50", "--config", str(config), "--to", str(to)]
    code = f"from gridecho_cli import main; main({words!r})"
    return subprocess.Popen(
        [sys.executable, "-u", "-c", code], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def test_a_copy_that_is_killed_twice_is_equal_in_the_end(
    source: Archive, postgres: PostgresServer, tmp_path: Path
) -> None:
    url = postgres.database()
    config, to = settings(tmp_path / "here", tmp_path / "source.sqlite", KEK), settings(tmp_path / "there", url, KEK)
    copied = []
    for cut in (700, 1_600):
        process = start_copy(config, to)
        assert process.stdout is not None
        for line in process.stdout:
            name, _, rest = line.partition(": ")
            if name == "route":
                copied.append(int(rest.split()[0].replace(",", "")))
                if copied[-1] >= cut:
                    break
        process.send_signal(signal.SIGKILL)
        process.wait(HANG_S)
        process.stdout.close()
        with pytest.raises(Exception, match="not a database"):
            open_archive(url, KEK)
    # The remote ran again in between: what was copied is not what is there.
    with source.writing() as connection:
        connection.execute("UPDATE route SET rtt_us = 5 WHERE epoch = 9 AND seq = 3")
    done = CliRunner().invoke(remote, ["copy", "--config", str(config), "--to", str(to)])
    assert done.exit_code == 0, done.output
    assert PASSWORD not in done.output
    assert copied == sorted(set(copied)), "the second went on where the first was"
    with closing(open_archive(url, KEK)) as target:
        ours, theirs = everything(target), everything(source)
        ours["user"] = [
            tuple("nul \0 in it" if one == "nul \ufffd in it" else one for one in row) for row in ours["user"]
        ]
        assert ours == theirs
        assert users.add_user(target, "new")
        assert orders.put(target, [9], 2, SET, T0)[9] > 1
        assert "copying" not in target.db.get_tables()
    again = run(config, "copy", "--to", str(to))
    assert (again.exit_code, "empty" in again.output) == (1, True)


def test_a_copy_into_what_is_something_else(source: Archive, postgres: PostgresServer, tmp_path: Path) -> None:
    config, url = settings(tmp_path / "here", tmp_path / "source.sqlite", KEK), postgres.database()
    create_archive(url, bytes(32)).close()
    done = run(config, "copy", "--to", str(settings(tmp_path / "there", url, KEK)))
    assert (done.exit_code, "give an empty database" in done.output) == (1, True)
    strange = settings(tmp_path / "strange", postgres.database(), bytes(32))
    assert "key file" in run(config, "copy", "--to", str(strange)).output


def test_back_from_the_server_to_a_file(source: Archive, postgres: PostgresServer, tmp_path: Path) -> None:
    url = postgres.database()
    config, to = settings(tmp_path / "here", tmp_path / "source.sqlite", KEK), settings(tmp_path / "there", url, KEK)
    back = settings(tmp_path / "back", tmp_path / "back.sqlite", KEK)
    assert run(config, "copy", "--to", str(to)).exit_code == 0
    assert run(to, "copy", "--to", str(back)).exit_code == 0
    with closing(open_archive(tmp_path / "back.sqlite", KEK)) as returned:
        ours, theirs = everything(returned), everything(source)
        assert len(ours.pop("audit")) == len(theirs.pop("audit")) + 1, "each copy is noted where it begins"
        assert {name: len(rows) for name, rows in ours.items()} == {name: len(rows) for name, rows in theirs.items()}
        assert ours["route"] == theirs["route"]
    assert run(back, "doctor").exit_code == 0
