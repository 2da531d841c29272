"""The embedded engine: SQLite, one file."""

import shutil
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import peewee
from gridecho_common.transactions import transaction
from peewee import Model, SchemaManager
from playhouse.pool import PooledSqliteDatabase

from ..rules.errors import StorageFullError
from .engine import Connection, Engine, Row, Values


class SqliteConnection(Connection):
    """A thread's connection to the file."""

    def __init__(self, raw: sqlite3.Connection) -> None:
        self.raw = raw

    def execute(self, statement: str, values: Values = ()) -> sqlite3.Cursor:
        """As in Connection."""
        return self.raw.execute(statement, values)

    @contextmanager
    def stream(self, statement: str, values: Values = ()) -> Iterator[Iterator[Row]]:
        """As in Connection."""
        with closing(self.raw.execute(statement, values)) as rows:
            yield rows

    def executemany(self, statement: str, rows: Iterable[Values]) -> int:
        """As in Connection."""
        return max(0, self.raw.executemany(statement, rows).rowcount)

    def insert(self, table: str, fields: str, rows: Sequence[Row]) -> int:
        """As in Connection."""
        marks = ", ".join("?" for _ in fields.split(","))
        return self.executemany(f"INSERT INTO {table} ({fields}) VALUES ({marks}) ON CONFLICT DO NOTHING", rows)  # noqa: S608

    def lock(self, table: str, keys: Iterable[object] | None = None, column: str = "id") -> None:
        """As in Connection."""


class SqliteEngine(Engine):
    """The database in the file at `path`."""

    blob = "BLOB"
    counter = "INTEGER NOT NULL PRIMARY KEY"

    def __init__(self, path: Path) -> None:
        self.path = path
        self.name = str(path)
        self.db = PooledSqliteDatabase(
            str(path),
            max_connections=100,
            check_same_thread=False,  # the pool hands a connection to one thread at a time
            timeout=30,
            pragmas={"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "cache_size": -65536},
        )

    def connection(self) -> SqliteConnection:
        """As in Engine."""
        return SqliteConnection(self.db.connection())  # type: ignore[no-untyped-call]

    @contextmanager
    def reading(self) -> Iterator[SqliteConnection]:
        """As in Engine."""
        connection = self.connection()
        if connection.raw.in_transaction:
            yield connection
            return
        connection.raw.execute("BEGIN")
        try:
            yield connection
        finally:
            if connection.raw.in_transaction:
                connection.raw.execute("ROLLBACK")

    @contextmanager
    def writing(self) -> Iterator[SqliteConnection]:
        """As in Engine."""
        connection = self.connection()
        try:
            if connection.raw.in_transaction:
                with _part(connection.raw):
                    yield connection
            else:
                with transaction(connection.raw):
                    yield connection
        except (sqlite3.OperationalError, peewee.OperationalError) as error:
            if _is_full(error):
                raise StorageFullError from error
            raise

    def create(self, models: Iterable[type[Model]]) -> None:
        """As in Engine."""
        for model in models:
            SchemaManager(model, self.db).create_all(safe=True)

    def free_bytes(self) -> int:
        """As in Engine."""
        return shutil.disk_usage(self.path.parent).free


@contextmanager
def _part(raw: sqlite3.Connection) -> Iterator[None]:
    raw.execute("SAVEPOINT part")
    try:
        yield
    except BaseException:
        if raw.in_transaction:  # SQLite may undo all by itself when it fails
            raw.execute("ROLLBACK TO part")
            raw.execute("RELEASE part")
        raise
    raw.execute("RELEASE part")


def _is_full(error: BaseException) -> bool:
    said = error if isinstance(error, sqlite3.Error) else error.__cause__ or error.__context__
    return isinstance(said, sqlite3.OperationalError) and said.sqlite_errorcode & 0xFF == sqlite3.SQLITE_FULL
