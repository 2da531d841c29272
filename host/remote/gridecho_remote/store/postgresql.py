"""PostgreSQL through psycopg: one database that several processes and machines share."""

import math
import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cached_property, lru_cache
from itertools import count
from pathlib import Path
from typing import Any
from zlib import crc32

import peewee
import psycopg
from gridecho_common.settings import SettingsError
from peewee import Model, SchemaManager
from playhouse.postgres_ext import PooledPsycopg3Database
from psycopg.adapt import AdaptersMap, Loader
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.pq import TransactionStatus
from psycopg.types.string import StrDumperUnknown

from ..rules.errors import RemoteError, StorageAwayError, StorageFullError
from .engine import Connection, Cursor, Engine, Row, Values, beneath

_MARK = re.compile(r"'[^']*'|::|\?|:([a-z_]\w*)|%")
_FEW = 100  # rows that go in sooner one by one
_AT_ONCE = 2_000  # rows of a stream
_NO_ROOM = "53"  # the class of insufficient resources: a full disk, no memory, too many connections
# No connection (HV: to a data server), an operator's doing, an error of the server's system or files; undone for another's
# sake; read-only.
_AWAY = ("08", "HV", "57", "58", "XX001", "XX002", "40", "55P03", "25006")
_BARE = ("--no-owner", "--no-privileges")
_numbers = count()
_ROOM = "SELECT pg_total_relation_size('block'), (SELECT count(*) FROM block), (SELECT sum(octet_length(content)) FROM block)"
# Tables beside the blocks that are short once data are in blocks: marks of days, sensors (told once of each kind of data), facts.
_SHORT = ("stale", "loose", "sensor", "meta")
_FILLED = "SELECT pg_relation_size('{0}'), (SELECT COALESCE(sum(pg_column_size(one)), 0) FROM {0} AS one)"
_LONG = 32 << 10  # bytes of rows that are gone, in one of these
_A_ROW = 200  # bytes of a block beside its content, with its share of the indexes
_DELETED = "SELECT n_tup_del, n_live_tup FROM pg_stat_user_tables WHERE relname = 'block'"
_BLOATED = 1.25  # the space of blocks over what those that are there need
_SMALL, _LARGE = 1 << 20, 1 << 30  # what is not worth it; what would take longer than a relay should wait


class PostgresConnection(Connection):
    """A thread's connection to the server."""

    def __init__(self, raw: psycopg.Connection[Row], apart: bool = False) -> None:
        self.raw = raw
        self.apart = apart

    def execute(self, statement: str, values: Values = ()) -> Cursor:
        """As in Connection."""
        return self.raw.execute(_translated(statement), values)

    @contextmanager
    def stream(self, statement: str, values: Values = ()) -> Iterator[Iterator[Row]]:
        """As in Connection."""
        with self.raw.cursor(f"stream_{next(_numbers)}") as cursor:
            cursor.itersize = _AT_ONCE
            cursor.execute(_translated(statement), values)
            yield iter(cursor)

    def executemany(self, statement: str, rows: Iterable[Values]) -> int:
        """As in Connection."""
        with self.raw.cursor() as cursor:
            cursor.executemany(_translated(statement), rows)
            return max(0, cursor.rowcount)

    def insert(self, table: str, fields: str, rows: Sequence[Row]) -> int:
        """As in Connection."""
        if len(rows) < _FEW:
            marks = ", ".join("?" for _ in fields.split(","))
            return self.executemany(f'INSERT INTO "{table}" ({fields}) VALUES ({marks}) ON CONFLICT DO NOTHING', rows)  # noqa: S608  # nosec B608  # names of ours, values are bound
        bulk = f"bulk_{table}_{crc32(fields.encode())}"
        self.execute(f'CREATE TEMP TABLE IF NOT EXISTS {bulk} AS SELECT {fields} FROM "{table}" WITH NO DATA')  # noqa: S608  # nosec B608  # names of ours, values are bound
        columns = self.raw.execute(f"SELECT * FROM {bulk}").description or ()  # noqa: S608  # nosec B608  # names of ours, values are bound
        with self.raw.cursor() as cursor:
            with cursor.copy(f"COPY {bulk} FROM STDIN (FORMAT BINARY)") as copy:
                copy.set_types([column.type_code for column in columns])
                for row in rows:
                    copy.write_row(row)
            cursor.execute(f'INSERT INTO "{table}" ({fields}) SELECT {fields} FROM {bulk} ON CONFLICT DO NOTHING')  # noqa: S608  # nosec B608  # names of ours, values are bound
            new = cursor.rowcount
            cursor.execute(f"TRUNCATE {bulk}")
        return new

    def lock(self, table: str, keys: Iterable[Any] | None = None, column: str = "id") -> None:
        """As in Connection."""
        if keys is None:
            self.raw.execute(f'LOCK TABLE "{table}" IN SHARE ROW EXCLUSIVE MODE')
        else:
            rows = f'SELECT 1 FROM "{table}" WHERE {column} = ANY(%s) ORDER BY {column} FOR UPDATE'  # noqa: S608  # nosec B608  # names of ours, values are bound
            self.raw.execute(rows, (list(keys),))


class PostgresEngine(Engine):
    """The database that a URL names. Raises SettingsError for one that cannot be read."""

    blob = "BYTEA"
    counter = "SERIAL NOT NULL PRIMARY KEY"
    backup_begins = b"PGDMP"
    clustered = ""
    errors = (psycopg.Error, peewee.PeeweeException)

    def __init__(self, url: str) -> None:
        try:
            parts = conninfo_to_dict(url)
        except psycopg.Error:  # its text may hold the password
            raise SettingsError(
                '"database": a URL as "postgresql://user:password@host:5432/name" was expected; special characters in its '
                "parts are written as %XX"
            ) from None
        self._url = url
        self._deleted = -math.inf  # as many rows of blocks as when free space was looked for last
        self.name = f"postgresql://{parts.get('host', '')}/{parts.get('dbname', '')}"
        self.db = PooledPsycopg3Database(
            url,
            max_connections=100,
            timeout=30,
            encoding="utf8",
            isolation_level="READ COMMITTED",
            context=_adapters(),
            **({} if "connect_timeout" in parts else {"connect_timeout": 10}),
        )

    def connection(self) -> PostgresConnection:
        """As in Engine."""
        return PostgresConnection(self.db.connection(), self.apart)  # type: ignore[no-untyped-call]

    @cached_property
    def apart(self) -> bool:
        """Whether its data lie on other servers; looked at once."""
        raw = self.db.connection()  # type: ignore[no-untyped-call]
        return raw.execute("SELECT 1 FROM pg_foreign_table LIMIT 1").fetchone() is not None

    @contextmanager
    def reading(self) -> Iterator[PostgresConnection]:
        """As in Engine."""
        connection = self.connection()
        if connection.raw.info.transaction_status != TransactionStatus.IDLE:
            yield connection
            return
        connection.raw.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        try:
            yield connection
        finally:
            with suppress(psycopg.OperationalError):  # the server is gone, and with it the transaction
                connection.raw.execute("ROLLBACK")

    @contextmanager
    def writing(self) -> Iterator[PostgresConnection]:
        """As in Engine."""
        connection = self.connection()
        try:
            with connection.raw.transaction():
                yield connection
        except self.errors as error:
            said = self.meaning(error)
            if said is error:
                raise
            raise said from error

    def version(self) -> object:
        """As in Engine: which transactions are seen. One that begins is a change, too."""
        return self.connection().execute("SELECT pg_current_snapshot()::text").fetchone()[0]

    def meaning(self, error: BaseException) -> BaseException:
        """As in Engine."""
        said = beneath(error)
        if not isinstance(said, psycopg.Error):
            return error
        state = said.sqlstate or ""
        if state.startswith(_NO_ROOM):
            return StorageFullError()
        # Without a state it is no answer of the server: there is no connection to it.
        gone = not state and isinstance(said, psycopg.OperationalError | psycopg.InterfaceError)
        return StorageAwayError() if gone or state.startswith(_AWAY) else error

    def begin(self) -> None:
        """As in Engine."""

    def create(self, models: Iterable[type[Model]]) -> None:
        """As in Engine."""
        for model in models:
            manager = SchemaManager(model, self.db)
            statement, _ = manager._create_table(safe=True).query()  # type: ignore[attr-defined]
            self.connection().execute(statement.removesuffix(" WITHOUT ROWID"))
            manager.create_indexes(safe=True)
        self.order_regions()

    def order_regions(self) -> None:
        """As in Engine."""
        for table in ("sensor", "grant"):
            self.connection().execute(f'ALTER TABLE "{table}" ALTER COLUMN region TYPE TEXT COLLATE "C"')

    def shrink(self) -> bool:
        """As in Engine: writes blocks anew, in seconds in which others wait, if much of their space is free; short tables, too.

        The server itself (autovacuum) makes room for rows to come, and gives back only what lies at the end of a table.
        """
        connection = self.connection()
        deleted, live = connection.execute(_DELETED).fetchone() or (0, 0)
        if self.apart or deleted - self._deleted < live // 2:
            return False
        self._deleted = deleted
        size, rows, content = connection.execute(_ROOM).fetchone()
        if _SMALL < size < _LARGE and size > _BLOATED * ((content or 0) + rows * _A_ROW):
            self._write_anew("block")
        for table in _SHORT:
            size, filled = connection.execute(_FILLED.format(table)).fetchone() or (0, 0)
            if size - filled > _LONG and filled < size // 2 and size < _LARGE:
                self._write_anew(table)
        return False

    def _write_anew(self, table: str) -> None:
        raw = self.connection().raw
        raw.execute("SET lock_timeout = '2s'")
        try:
            raw.execute(f"VACUUM FULL {table}")
        except psycopg.errors.LockNotAvailable:
            pass  # somebody is at work on it; there is another time
        finally:
            raw.execute("RESET lock_timeout")

    def free_bytes(self) -> None:
        """As in Engine."""

    def problems(self) -> list[str]:
        """As in Engine."""
        connection = self.connection()
        broken = "SELECT indexrelid::regclass::text FROM pg_index WHERE NOT indisvalid"
        said = [f"the index {name} is not valid" for (name,) in connection.execute(broken)]
        torn = "SELECT checksum_failures FROM pg_stat_database WHERE datname = current_database() AND checksum_failures > 0"
        return said + [f"{count} pages had wrong checksums" for (count,) in connection.execute(torn)]

    def sizes(self) -> dict[str, int]:
        """As in Engine."""
        query = (
            "SELECT relname, pg_total_relation_size(oid) FROM pg_class "
            "WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r'"
        )
        return dict(self.connection().execute(query).fetchall())

    def backup(self, path: Path) -> None:
        """As in Engine."""
        if self.apart:
            raise RemoteError("shards-apart", name=self.name)
        self._run("pg_dump", *_BARE, "--format=custom", f"--file={path}", "--dbname={}")
        _done("pg_restore", "--list", str(path))

    def restore(self, path: Path, key_check: str) -> None:
        """As in Engine."""
        if self.db.get_tables():
            raise RemoteError("database-there", name=self.name)
        facts = _done("pg_restore", "--data-only", "--table=meta", "--file=-", str(path))
        if f"key_check\t{key_check}\n" not in facts:
            raise RemoteError("backup-key", path=str(path))
        self._run("pg_restore", *_BARE, "--exit-on-error", "--single-transaction", "--dbname={}", str(path))

    def count_on(self, table: str, column: str) -> None:
        """As in Engine."""
        self.connection().execute(
            f"SELECT setval(pg_get_serial_sequence('\"{table}\"', '{column}'), COALESCE(MAX({column}), 0) + 1, false) "  # noqa: S608  # nosec B608  # names of ours, values are bound
            f'FROM "{table}"'
        )

    def _run(self, *command: str) -> None:
        """Runs one of PostgreSQL's programs, which is told the database for {}; the password goes by the environment."""
        parts = conninfo_to_dict(self._url)
        password = parts.pop("password", None)
        where = make_conninfo(**parts)  # type: ignore[arg-type]
        environment = dict(os.environ) | ({"PGPASSWORD": str(password)} if password else {})
        _done(*(word.replace("{}", where) for word in command), environment=environment)


def _done(program: str, *arguments: str, environment: dict[str, str] | None = None) -> str:
    """What a program wrote. Raises RemoteError, with its own first words, if it failed."""
    if shutil.which(program) is None:
        raise RemoteError("tool-missing", tool=program)
    done = subprocess.run([program, *arguments], env=environment, capture_output=True, text=True, errors="replace")
    if done.returncode:
        raise RemoteError("backup-failed", said=done.stderr.strip().partition("\n")[0])
    return done.stdout


class _Text(StrDumperUnknown):
    """PostgreSQL's text has no character 0; who sends one gets the mark of one that cannot be shown."""

    def dump(self, obj: str) -> Any:
        return super().dump(obj.replace("\0", "\ufffd"))


class _Whole(Loader):
    """Sums of whole numbers come as numeric."""

    def load(self, data: Any) -> int | float:
        text = bytes(data).decode()
        return int(text) if text.lstrip("-").isdecimal() else float(text)


def _adapters() -> AdaptersMap:
    adapters = AdaptersMap(psycopg.adapters)
    adapters.register_dumper(str, _Text)
    adapters.register_loader("numeric", _Whole)
    return adapters


@lru_cache(1000)
def _translated(statement: str) -> str:
    """The statement with psycopg's marks for values."""

    def mark(found: re.Match[str]) -> str:
        text = found[0]
        if text == "?":
            return "%s"
        return f"%({found[1]})s" if found[1] else text.replace("%", "%%")

    return _MARK.sub(mark, statement)
