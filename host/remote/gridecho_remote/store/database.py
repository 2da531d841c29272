"""Opening the remote's database: connections from a pool, schema version, and the key that belongs to it."""

import logging
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gridecho.readings import decode
from gridecho_common.secrets import private
from gridecho_common.settings import SettingsError
from gridecho_common.transactions import transaction
from peewee import DatabaseError, SchemaManager, SqliteDatabase
from playhouse.pool import PooledSqliteDatabase

from ..rules.errors import StorageFullError
from ..rules.levels import extent_of, reach_s
from ..rules.names import key_of
from .models import SCHEMA_VERSION, TABLES, Meta
from .vault import Vault

log = logging.getLogger("gridecho.remote")


class Archive:
    """An open database and the vault for its secrets. Any thread may use it; `close` when done."""

    def __init__(self, path: Path, kek: bytes) -> None:
        self.path = path
        self.vault = Vault(kek)
        self.db: SqliteDatabase = PooledSqliteDatabase(
            str(path),
            max_connections=100,
            check_same_thread=False,  # the pool hands a connection to one thread at a time
            timeout=30,
            pragmas={"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "cache_size": -65536},
        )

    def connection(self) -> sqlite3.Connection:
        """This thread's connection itself, for bulk statements: peewee's insert_many is a tenth as fast."""
        connection: sqlite3.Connection = self.db.connection()  # type: ignore[no-untyped-call]
        return connection

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction on this thread's connection, for bulk statements; committed at the end, undone by any error.

        Raises StorageFullError where SQLite says so.
        """
        try:
            with transaction(self.connection()) as connection:
                yield connection
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_FULL:
                raise StorageFullError from error
            raise

    def close(self) -> None:
        """Closes every connection."""
        self.db.close_all()  # type: ignore[attr-defined]

    def meta(self, key: str) -> str | None:
        """A fact about the database."""
        value: str | None = Meta.select(Meta.value).where(Meta.key == key).scalar(self.db)
        return value

    def set_meta(self, key: str, value: str) -> None:
        """Sets a fact about the database."""
        Meta.insert(key=key, value=value).on_conflict_replace().execute(self.db)

    @property
    def keys_version(self) -> int:
        """Grows whenever a sensor or relay is enrolled; differs between databases too, so that a relay can rely on it."""
        return int(self.meta("keys_version") or 0)

    def bump_keys_version(self) -> None:
        """To be called in the transaction that changes a key."""
        self._bump("keys_version", self.keys_version)

    @property
    def orders_version(self) -> int:
        """Changes whenever an order comes or is done with."""
        return int(self.meta("orders_version") or 0)

    def bump_orders_version(self) -> None:
        """To be called in the transaction that changes an order."""
        self._bump("orders_version", self.orders_version)

    def _bump(self, key: str, before: int) -> None:
        self.set_meta(key, str(max(before + 1, time.time_ns() // 1_000_000)))


def create_archive(path: Path, kek: bytes) -> Archive:
    """A new database at `path`, open. Raises SettingsError if there is a file already or it cannot be made."""
    if path.exists():
        raise SettingsError(f"{path}: is there already; remove it first, or choose another folder")
    private(path)
    archive = Archive(path, kek)
    try:
        with archive.db.atomic():
            for model in TABLES:
                SchemaManager(model, archive.db).create_all()
            archive.set_meta("schema_version", str(SCHEMA_VERSION))
            archive.set_meta("key_check", archive.vault.check)
            archive.set_meta("orders_version", "1")
            archive.bump_keys_version()
    except DatabaseError as error:
        archive.close()
        raise SettingsError(f"{path}: cannot be made ({error})") from None
    return archive


def open_archive(path: Path, kek: bytes) -> Archive:
    """The database at `path`, open. Raises SettingsError: not there, of a newer version, or made with another key."""
    if not path.is_file():
        raise SettingsError(f"{path}: there is no database; make one with: gridecho remote init --dir {path.parent}")
    archive = Archive(path, kek)
    try:
        version = int(archive.meta("schema_version") or 0)
    except (DatabaseError, sqlite3.DatabaseError):
        version = 0
    problem = None
    if not version:
        problem = "is not a database of a gridecho remote"
    elif version > SCHEMA_VERSION:
        problem = f"was made by a newer gridecho (schema {version}; this one knows {SCHEMA_VERSION}); update gridecho"
    elif archive.meta("key_check") != archive.vault.check:
        problem = "was made with another key file; give the one it was made with"
    if problem:
        archive.close()
        raise SettingsError(f"{path}: {problem}")
    if version < SCHEMA_VERSION:
        _migrate(archive)
    return archive


def _migrate(archive: Archive) -> None:
    """From an older schema: what it lacks of tables and columns. Two processes may come here at once; the second finds it done."""
    with archive.db.atomic("IMMEDIATE"):
        for model in TABLES:
            SchemaManager(model, archive.db).create_table(safe=True)
        if "admin" not in {column.name for column in archive.db.get_columns("user")}:
            archive.connection().execute('ALTER TABLE "user" ADD COLUMN admin INTEGER NOT NULL DEFAULT 0')
        if "level" not in {column.name for column in archive.db.get_columns("datum")}:
            _add_levels(archive.connection())
        if "key" not in {column.name for column in archive.db.get_columns("user")}:
            _add_user_keys(archive.connection())
        if archive.meta("orders_version") is None:
            archive.set_meta("orders_version", "1")
        archive.set_meta("schema_version", str(SCHEMA_VERSION))
        for model in TABLES:
            SchemaManager(model, archive.db).create_indexes(safe=True)


def _add_levels(connection: sqlite3.Connection) -> None:
    """Schema 5: data by length class, and which readings are undated."""
    for column in ("level INTEGER NOT NULL DEFAULT 0", "undated INTEGER NOT NULL DEFAULT 0", "dated_s", "step_s"):
        connection.execute(f"ALTER TABLE datum ADD COLUMN {column}")
    connection.execute("ALTER TABLE sensor ADD COLUMN levels INTEGER NOT NULL DEFAULT 0")
    connection.execute("ALTER TABLE sensor DROP COLUMN max_span_s")
    connection.execute("DROP INDEX IF EXISTS datum_sensor_id_first_s")
    classes = " ".join(f"WHEN last_s - first_s < {reach_s(level)} THEN {level}" for level in range(10))
    connection.execute(f"UPDATE datum SET level = CASE {classes} END")  # noqa: S608
    undated = connection.execute("SELECT sensor_id, epoch, seq, count, time_s, body FROM datum WHERE first_s = 0")
    for *data_id, count, time_s, body in undated.fetchall():
        extent = extent_of([reading.time_s for reading in decode(bytes(body), count, time_s)])
        change = "UPDATE datum SET first_s = ?, last_s = ?, level = ?, undated = ? "
        connection.execute(change + "WHERE sensor_id = ? AND epoch = ? AND seq = ?", (*extent, *data_id))
    levels = "SELECT sum(DISTINCT 1 << level) FROM datum WHERE sensor_id = sensor.id AND level >= 0"
    connection.execute(f"UPDATE sensor SET levels = coalesce(({levels}), 0)")  # noqa: S608


def _add_user_keys(connection: sqlite3.Connection) -> None:
    """Names without regard to case. Of two that only case told apart the newer one gets its number behind the name."""
    connection.execute("ALTER TABLE \"user\" ADD COLUMN key TEXT NOT NULL DEFAULT ''")
    taken: set[str] = set()
    for number, name in connection.execute('SELECT id, name FROM "user" ORDER BY id').fetchall():
        unique = name
        while key_of(unique) in taken:
            unique = f"{unique} {number}"
        taken.add(key_of(unique))
        connection.execute('UPDATE "user" SET name = ?, key = ? WHERE id = ?', (unique, key_of(unique), number))
        if unique != name:
            log.warning("user-renamed from=%r to=%r: case does not tell names apart any more", name, unique)
