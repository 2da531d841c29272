"""The embedded engine: SQLite, one file."""

import shutil
import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import peewee
from gridecho_common.secrets import private
from gridecho_common.transactions import transaction
from peewee import Model, SchemaManager
from playhouse.pool import PooledSqliteDatabase

from ..rules.errors import RemoteError, StorageAwayError, StorageFullError
from .engine import Connection, Engine, Row, Values, beneath

# The file cannot be opened, read or written; that is nothing that a statement did.
_AWAY = frozenset(
    (
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_PROTOCOL,
    )
)

_INCREMENTAL = 2
_APPLICATION = int.from_bytes(b"grid", "big")
_FEW_PAGES, _PAGES_AT_ONCE = 64, 2_000

_TIMEOUT_S = 30  # for who has the database locked
_PAUSE_S = 0.02


class SqliteConnection(Connection):
    """A thread's connection to the file."""

    apart = False

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
        return self.executemany(f'INSERT INTO "{table}" ({fields}) VALUES ({marks}) ON CONFLICT DO NOTHING', rows)  # noqa: S608  # nosec B608  # names of ours, values are bound

    def lock(self, table: str, keys: Iterable[object] | None = None, column: str = "id") -> None:
        """As in Connection."""


class _Pool(PooledSqliteDatabase):  # type: ignore[misc]
    def _set_pragmas(self, conn: sqlite3.Connection) -> None:
        # SQLite waits for others at everything but the change to WAL, which each of two that come at once may be at.
        ends = time.monotonic() + _TIMEOUT_S
        while True:
            try:
                super()._set_pragmas(conn)
                return
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > ends:
                    raise
            time.sleep(_PAUSE_S)


class SqliteEngine(Engine):
    """The database in the file at `path`."""

    blob = "BLOB"
    counter = "INTEGER NOT NULL PRIMARY KEY"
    backup_begins = b"SQLite format 3\0"
    clustered = " WITHOUT ROWID"
    errors = (sqlite3.Error, peewee.PeeweeException)

    def __init__(self, path: Path) -> None:
        self.path = path
        self.name = str(path)
        self.db = _Pool(
            str(path),
            max_connections=100,
            check_same_thread=False,  # the pool hands a connection to one thread at a time
            timeout=_TIMEOUT_S,  # for a connection of the pool: it tells SQLite nothing of it
            pragmas={
                "busy_timeout": 1_000 * _TIMEOUT_S,
                "journal_mode": "wal",
                "synchronous": 2,
                "foreign_keys": 1,
                "cache_size": -16384,
            },
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
        except self.errors as error:
            said = self.meaning(error)
            if said is error:
                raise
            raise said from error

    def version(self) -> object:
        """As in Engine."""
        raw = self.connection().raw
        return id(raw), raw.execute("PRAGMA data_version").fetchone()[0]

    def meaning(self, error: BaseException) -> BaseException:
        """As in Engine."""
        said = beneath(error)
        code = getattr(said, "sqlite_errorcode", 0) & 0xFF  # without it: the driver's own complaint
        if code == sqlite3.SQLITE_FULL:
            return StorageFullError()
        return StorageAwayError() if code in _AWAY else error

    def begin(self) -> None:
        """As in Engine."""
        private(self.path)
        with closing(sqlite3.connect(self.path)) as raw:
            # Only a file that is new can be told to give space back later; with the number, something is in it.
            raw.execute(f"PRAGMA auto_vacuum = {_INCREMENTAL}")
            raw.execute(f"PRAGMA application_id = {_APPLICATION}")

    def create(self, models: Iterable[type[Model]]) -> None:
        """As in Engine."""
        for model in models:
            SchemaManager(model, self.db).create_all(safe=True)

    def order_regions(self) -> None:
        """As in Engine: it does."""

    def shrink(self) -> bool:
        """As in Engine."""
        connection = self.connection()
        free, pages, kind = (
            connection.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("freelist_count", "page_count", "auto_vacuum")
        )
        if kind != _INCREMENTAL or free < max(_FEW_PAGES, pages // 20):
            return False
        # A step a page: `execute` would take the first of them and leave it at that.
        connection.raw.executescript(f"PRAGMA incremental_vacuum({_PAGES_AT_ONCE})")
        return True

    def free_bytes(self) -> int:
        """As in Engine."""
        return shutil.disk_usage(self.path.parent).free

    def problems(self) -> list[str]:
        """As in Engine."""
        try:
            said = [text for (text,) in self.connection().execute("PRAGMA integrity_check(20)")]
        except sqlite3.DatabaseError as error:
            return [str(error)]
        return [] if said == ["ok"] else said

    def sizes(self) -> dict[str, int]:
        """As in Engine."""
        query = "SELECT m.tbl_name, SUM(d.pgsize) FROM dbstat AS d JOIN sqlite_master AS m ON m.name = d.name GROUP BY m.tbl_name"
        try:
            return dict(self.connection().execute(query).fetchall())
        except sqlite3.OperationalError:
            return {}  # not every build of SQLite has dbstat

    def backup(self, path: Path) -> None:
        """As in Engine."""
        try:
            with closing(sqlite3.connect(path)) as target:
                # In one step: beside one that writes, one of many steps begins again and again.
                self.connection().raw.backup(target, pages=-1)
                target.execute("PRAGMA journal_mode = DELETE")
                (said,) = target.execute("PRAGMA integrity_check(1)").fetchone()
        except sqlite3.Error as error:
            said = str(error)
        if said != "ok":
            raise RemoteError("backup-failed", said=said)

    def restore(self, path: Path, key_check: str) -> None:
        """As in Engine."""
        if self.path.exists():
            raise RemoteError("database-there", name=self.name)
        part = self.path.with_name(self.path.name + ".part")
        try:
            with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as source:
                query = "SELECT 1 FROM meta WHERE key = 'key_check' AND value = ?"
                if source.execute(query, (key_check,)).fetchone() is None:
                    raise RemoteError("backup-key", path=str(path))
                private(part)
                with closing(sqlite3.connect(part)) as target:
                    source.backup(target, pages=-1)
            part.replace(self.path)
        except sqlite3.Error as error:
            raise RemoteError("backup-damaged", path=str(path), said=str(error)) from None
        finally:
            part.unlink(missing_ok=True)

    def count_on(self, table: str, column: str) -> None:
        """As in Engine: it looks for the highest each time."""


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
