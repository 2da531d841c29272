"""Opening the remote's database: which engine, schema version, and the key that belongs to it."""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from gridecho_common.settings import SettingsError
from peewee import Database, DatabaseError

from ..rules.chain import Head
from ..rules.errors import StorageAwayError, StorageFullError
from ..settings import URL
from . import migrate
from .engine import Connection, Engine
from .models import SCHEMA_VERSION, TABLES, Meta
from .sqlite import SqliteEngine
from .vault import Vault

_VERSIONS = ("keys_version", "orders_version")

log = logging.getLogger("gridecho.remote")


class Archive:
    """An open database and the vault for its secrets. Any thread may use it; `close` when done."""

    def __init__(self, engine: Engine, kek: bytes) -> None:
        self.engine = engine
        self.vault = Vault(kek)

    @property
    def db(self) -> Database:
        """What peewee's queries are executed on."""
        return self.engine.db

    def connection(self) -> Connection:
        """This thread's connection, for plain statements."""
        return self.engine.connection()

    def reading(self) -> AbstractContextManager[Connection]:
        """One transaction of this thread that only reads (engine.py)."""
        return self.engine.reading()

    def writing(self) -> AbstractContextManager[Connection]:
        """One transaction of this thread that writes (engine.py). Raises StorageFullError, StorageAwayError."""
        return self.engine.writing()

    def give_back(self) -> None:
        """This thread's connection goes back to the pool; to be called when it has done its work."""
        if not self.db.is_closed():
            self.db.close()

    def close(self) -> None:
        """Closes every connection."""
        self.engine.close()

    def meta(self, key: str) -> str | None:
        """A fact about the database."""
        value: str | None = Meta.select(Meta.value).where(Meta.key == key).scalar(self.db)
        return value

    def set_meta(self, key: str, value: str) -> None:
        """Sets a fact about the database."""
        row = Meta.insert(key=key, value=value)
        row.on_conflict(conflict_target=[Meta.key], preserve=[Meta.value]).execute(self.db)

    def check_writable(self) -> None:
        """Raises StorageFullError or StorageAwayError if nothing can be written."""
        with self.writing() as connection:
            connection.execute("UPDATE meta SET value = value WHERE key = 'schema_version'")

    @property
    def keys_version(self) -> int:
        """Grows whenever a sensor or relay is enrolled; differs between databases too, so that a relay can rely on it."""
        return int(self.meta("keys_version") or 0)

    def bump_keys_version(self) -> None:
        """To be called in the transaction that changes a key."""
        self._bump("keys_version")

    @property
    def orders_version(self) -> int:
        """Changes whenever an order comes or is done with."""
        return int(self.meta("orders_version") or 0)

    def bump_orders_version(self) -> None:
        """To be called in the transaction that changes an order."""
        self._bump("orders_version")

    def _bump(self, key: str) -> None:
        with self.writing() as connection:
            connection.lock("meta", _VERSIONS, "key")  # both: some change the one first, some the other
            self.set_meta(key, str(max(int(self.meta(key) or 0) + 1, time.time_ns() // 1_000_000)))


def create_archive(database: str | Path, kek: bytes) -> Archive:
    """A new database in the file or at the URL, open. Raises SettingsError if there is one already or it cannot be made."""
    engine = engine_of(database)
    if isinstance(engine, SqliteEngine) and engine.path.exists():
        raise SettingsError(f"{engine.name}: is there already; remove it first, or choose another folder")
    engine.begin()
    archive = Archive(engine, kek)
    try:
        if "meta" in archive.db.get_tables():
            raise SettingsError(f"{engine.name}: has a database of a gridecho remote already; give an empty one")
        with archive.writing():
            engine.create(TABLES)
            archive.set_meta("schema_version", str(SCHEMA_VERSION))
            archive.set_meta("key_check", archive.vault.check)
            archive.set_meta("orders_version", "1")
            archive.set_meta("audit_head", str(Head()))
            archive.bump_keys_version()
    except DatabaseError as error:
        archive.close()
        raise SettingsError(f"{engine.name}: cannot be made ({_first_line(error)})") from None
    except SettingsError:
        archive.close()
        raise
    return archive


def open_archive(database: str | Path, kek: bytes, told: Callable[[migrate.Step], None] | None = None) -> Archive:
    """The database in the file or at the URL, open and up to date; `told` hears of each step that is taken to that end.

    Raises SettingsError: not there, of a newer version, made with another key.
    """
    engine = engine_of(database)
    if isinstance(engine, SqliteEngine) and not engine.path.is_file():
        raise SettingsError(
            f"{engine.name}: there is no database; make one with: gridecho remote init --dir {engine.path.parent}"
        )
    archive = Archive(engine, kek)
    version, problem = 0, None
    try:
        version = int(archive.meta("schema_version") or 0)
    except DatabaseError as error:
        if isinstance(engine.meaning(error), StorageAwayError):
            problem = f"cannot be reached or read ({_first_line(error)})"
    if problem is None:
        if not version:
            problem = "is not a database of a gridecho remote"
        elif version > SCHEMA_VERSION:
            problem = (
                f"was made by a newer gridecho (schema {version}; this one knows {SCHEMA_VERSION}); update gridecho"
            )
        elif archive.meta("key_check") != archive.vault.check:
            problem = "was made with another key file; give the one it was made with"
    if problem:
        archive.close()
        raise SettingsError(f"{engine.name}: {problem}")
    with settled(engine):
        for step in migrate.steps_after(version):
            if told:
                told(step)
            if migrate.take(engine, step):
                log.info("migrated schema=%d step=%s", step.schema, step.name)
    return archive


@contextmanager
def settled(engine: Engine) -> Iterator[None]:
    """Where nobody waits for better times: that the database has no room, or cannot be used now, is SettingsError."""
    of_storage: tuple[type[Exception], ...] = (StorageFullError, StorageAwayError, *engine.errors)
    try:
        yield
    except of_storage as error:
        said = engine.meaning(error)
        cause = error.__cause__ if said is error else error
        if isinstance(said, StorageFullError):
            raise SettingsError(f"{engine.name}: has no room for more ({_first_line(cause)})") from None
        if isinstance(said, StorageAwayError):
            raise SettingsError(f"{engine.name}: cannot be reached, read or written ({_first_line(cause)})") from None
        raise


def engine_of(database: str | Path) -> Engine:
    """The engine of a database in a file or at a URL, whether anything is there or not. Raises SettingsError."""
    if not str(database).startswith(URL):
        return SqliteEngine(Path(database))
    try:
        from .postgresql import PostgresEngine  # its driver is installed where it is wanted
    except ImportError:
        raise SettingsError("for PostgreSQL install its driver: pip install 'gridecho[postgresql]'") from None
    return PostgresEngine(str(database))


def _first_line(error: BaseException | None) -> str:
    return str(error).partition("\n")[0]
