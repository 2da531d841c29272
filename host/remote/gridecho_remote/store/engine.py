"""What the store asks of a database engine; sqlite.py and postgresql.py are the two.

Statements are plain SQL that both take, with `?` or `:name` for values. A thread has one connection; rows are tuples.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

from peewee import Database, Model, PeeweeException

Row = tuple[Any, ...]
Values = Sequence[Any] | Mapping[str, Any]


class Cursor(Protocol):
    """The rows of a statement, or how many it changed."""

    @property
    def rowcount(self) -> int:
        """How many rows the statement changed."""

    def fetchone(self) -> Any:
        """The next row; None: there is no more."""

    def fetchall(self) -> list[Any]:
        """All rows that are left."""

    def __iter__(self) -> Iterator[Any]: ...


class Connection(ABC):
    """This thread's connection; inside `reading` or `writing` what it does is part of that transaction."""

    apart: bool  # the data lie on other servers (shards.py), and a join with them fetches them whole

    @abstractmethod
    def execute(self, statement: str, values: Values = ()) -> Cursor:
        """Runs a statement."""

    @abstractmethod
    def stream(self, statement: str, values: Values = ()) -> AbstractContextManager[Iterator[Row]]:
        """The rows of a query, some in memory at a time; inside `reading` or `writing` only."""

    @abstractmethod
    def executemany(self, statement: str, rows: Iterable[Values]) -> int:
        """Runs a statement once for each of the rows of values: how many rows it changed in all."""

    @abstractmethod
    def insert(self, table: str, fields: str, rows: Sequence[Row]) -> int:
        """Puts many rows into a table, `fields` parted by ", ": how many are new. One whose key is there already stays as it is."""

    @abstractmethod
    def lock(self, table: str, keys: Iterable[Any] | None = None, column: str = "id") -> None:
        """Until the transaction ends, other writers that lock the same rows wait; without `keys`, those that lock the whole table.

        What is read after it is what they left. Locks are taken in this order, so that no two writers wait for each other:
        enrol_code, relay as a table, relay, sensor, relay_group, grant, meta. SQLite has one writer at a time: nothing to do.
        """


def beneath(error: BaseException) -> BaseException:
    """The driver's own error of one of peewee's, which may be wrapped more than once."""
    while isinstance(error, PeeweeException) and (error.__cause__ or error.__context__):
        error = error.__cause__ or error.__context__ or error
    return error


class Engine(ABC):
    """An open database. `db` is peewee's; `name` says which one it is, without a password. Any thread may use it."""

    db: Database
    name: str
    blob: str  # its word for the type of a column of bytes
    counter: str  # its words for a primary key that counts by itself
    backup_begins: bytes  # by which a file that `backup` wrote is known
    clustered: str  # its words, at the end of a table of small rows, for rows that lie in the order of their key
    errors: tuple[type[Exception], ...]  # what it raises when something is wrong with the database, not with who asks

    @abstractmethod
    def connection(self) -> Connection:
        """This thread's connection; outside `writing` each statement is a transaction of its own."""

    @abstractmethod
    def reading(self) -> AbstractContextManager[Connection]:
        """One transaction that only reads: all that is read was there at one moment. Inside another one it is part of that."""

    @abstractmethod
    def writing(self) -> AbstractContextManager[Connection]:
        """One transaction: committed at the end, undone by any error. Inside another one it is a part that can fail by itself.

        Raises StorageFullError where the database says that it has no room, StorageAwayError where it cannot be written now.
        """

    @abstractmethod
    def version(self) -> object:
        """Another one than before, if anything that this thread's connection sees was changed by others since; cheap to ask."""

    @abstractmethod
    def meaning(self, error: BaseException) -> BaseException:
        """StorageFullError or StorageAwayError, if that is what one of `errors` says; else the error itself."""

    @abstractmethod
    def begin(self) -> None:
        """Makes the file, if it is one and not there, for its owner only. Raises SettingsError."""

    @abstractmethod
    def create(self, models: Iterable[type[Model]]) -> None:
        """Makes the tables and indexes that are not there."""

    @abstractmethod
    def order_regions(self) -> None:
        """Has the database compare paths of regions by code point, as rules/regions.py does, whatever language it is set to."""

    @abstractmethod
    def shrink(self) -> bool:
        """Gives a part of the space that is free within the database back to the disk. False: there is little of it."""

    @abstractmethod
    def free_bytes(self) -> int | None:
        """Free space on the database's disk; None: it is another machine's, which says so itself when it is full."""

    @abstractmethod
    def problems(self) -> list[str]:
        """What the engine itself finds wrong with its data, in its own words."""

    @abstractmethod
    def sizes(self) -> dict[str, int]:
        """Bytes on disk of each table with its indexes; a table that it cannot tell of is not among them."""

    @abstractmethod
    def backup(self, path: Path) -> None:
        """Writes all, as it is at one moment, into a file, and reads that again. Raises RemoteError."""

    @abstractmethod
    def restore(self, path: Path, key_check: str) -> None:
        """Fills this database, of which nothing is there yet, from what `backup` wrote; or leaves nothing: RemoteError."""

    @abstractmethod
    def count_on(self, table: str, column: str) -> None:
        """The next number that the column gives is above all that are there."""

    def close(self) -> None:
        """Closes every connection."""
        self.db.close_all()  # type: ignore[attr-defined]
