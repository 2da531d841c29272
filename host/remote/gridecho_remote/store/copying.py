"""A database copied into another one, of whichever engine: in batches, so that it can be cut off, and compared at the end."""

import ast
from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import Any

from peewee import AutoField, BooleanField, Model

from ..rules.errors import RemoteError
from .engine import Connection, Engine, Row
from .models import TABLES, Meta

_FINGERPRINTS = 1 << 256
_PROGRESS = "copying"  # the table in the target that says how far it is; it goes with the last transaction

Told = Callable[[str, int, int], None]  # table, rows that are copied, rows that there are


def copy(source: Engine, target: Engine, batch: int, told: Told) -> int:
    """How many rows were copied, now or before. Nobody writes to the source meanwhile.

    The target is empty, or what a copy of this source that was cut off left. It is no database of a remote until all is there.
    Raises RemoteError for any other, or if the two differ in the end.
    """
    with source.writing() as origin:
        for model in TABLES:
            origin.lock(_name(model))
        _prepare(origin, target)
        rows = 0
        for model in TABLES:
            if model is not Meta:
                rows += _copy_table(origin, target, model, batch, told)
        facts = origin.execute("SELECT key, value FROM meta").fetchall()
        with target.writing() as connection:
            connection.insert("meta", "key, value", facts)
            for model in TABLES:
                if isinstance(model._meta.primary_key, AutoField):
                    target.count_on(_name(model), model._meta.primary_key.column_name)
            connection.execute(f"DROP TABLE {_PROGRESS}")
    return rows + len(facts)


def _prepare(origin: Connection, target: Engine) -> None:
    (check,) = origin.execute("SELECT value FROM meta WHERE key = 'key_check'").fetchone()
    there = target.db.get_tables()
    with target.writing() as connection:
        if not there:
            target.create(TABLES)
            connection.execute(
                f"CREATE TABLE {_PROGRESS} (name TEXT PRIMARY KEY, done TEXT NOT NULL, copied BIGINT NOT NULL)"
            )
            _note(connection, "", check, 0)
        elif _PROGRESS not in there or _noted(connection, "") != (check, 0):
            raise RemoteError("copy-not-empty", name=target.name)


def _copy_table(origin: Connection, target: Engine, model: type[Model], batch: int, told: Told) -> int:
    name = _name(model)
    (there,) = origin.execute(f'SELECT COUNT(*) FROM "{name}"').fetchone()  # noqa: S608  # nosec B608  # names of ours, values are bound
    for _ in range(2):  # what was copied before the last cut may have changed since
        _copy_rows(origin, target, model, batch, lambda copied: told(name, copied, there))
        with target.reading() as copied:
            if _fingerprint(copied, model) == _fingerprint(origin, model):
                return int(there)
        with target.writing() as connection:
            connection.execute(f'DELETE FROM "{name}"')  # noqa: S608  # nosec B608  # names of ours, values are bound
            connection.execute(f"DELETE FROM {_PROGRESS} WHERE name = ?", (name,))  # noqa: S608  # nosec B608  # names of ours, values are bound
    raise RemoteError("copy-differs", table=name)


def _copy_rows(origin: Connection, target: Engine, model: type[Model], batch: int, told: Callable[[int], None]) -> None:
    name, fields, key = _name(model), _fields(model), _key(model)
    order = ", ".join(key)
    after: Sequence[Any] = ()
    with target.reading() as connection:
        done, copied = _noted(connection, name) or ("()", 0)
        after = ast.literal_eval(done)
    while True:
        where = f"WHERE ({order}) > ({', '.join('?' for _ in key)})" if after else ""
        query = f'SELECT {order}, {", ".join(fields)} FROM "{name}" {where} ORDER BY {order} LIMIT {batch}'  # noqa: S608  # nosec B608  # names of ours, values are bound
        rows = origin.execute(query, after).fetchall()
        if not rows:
            return
        after = rows[-1][: len(key)]
        copied += len(rows)
        with target.writing() as connection:
            connection.insert(name, ", ".join(fields), [_as_declared(model, row[len(key) :]) for row in rows])
            _note(connection, name, repr(after), copied)
        told(copied)


def _fingerprint(connection: Connection, model: type[Model]) -> tuple[int, int]:
    """How many rows, and a number that any change of one changes, whatever their order."""
    count = total = 0
    with connection.stream(f'SELECT {", ".join(_fields(model))} FROM "{_name(model)}"') as rows:  # noqa: S608  # nosec B608  # names of ours, values are bound
        for row in rows:
            count += 1
            digest = sha256(repr(_as_declared(model, row)).encode("utf-8", "surrogatepass")).digest()
            total = (total + int.from_bytes(digest, "big")) % _FINGERPRINTS
    return count, total


def _as_declared(model: type[Model], row: Row) -> Row:
    """SQLite keeps truth as 0 and 1; PostgreSQL has no character 0."""
    fields = model._meta.sorted_fields
    return tuple(
        bool(value) if isinstance(field, BooleanField) and value is not None
        else value.replace("\0", "\ufffd") if isinstance(value, str)
        else value
        for field, value in zip(fields, row, strict=True)
    )  # fmt: skip


def _noted(connection: Connection, name: str) -> tuple[str, int] | None:
    row = connection.execute(f"SELECT done, copied FROM {_PROGRESS} WHERE name = ?", (name,)).fetchone()  # noqa: S608  # nosec B608  # names of ours, values are bound
    return row and (row[0], row[1])


def _note(connection: Connection, name: str, done: str, copied: int) -> None:
    connection.execute(
        f"INSERT INTO {_PROGRESS} (name, done, copied) VALUES (?, ?, ?) "  # noqa: S608  # nosec B608  # names of ours, values are bound
        "ON CONFLICT (name) DO UPDATE SET done = excluded.done, copied = excluded.copied",
        (name, done, copied),
    )


def _name(model: type[Model]) -> str:
    return str(model._meta.table_name)


def _fields(model: type[Model]) -> list[str]:
    return [f'"{field.column_name}"' for field in model._meta.sorted_fields]


def _key(model: type[Model]) -> list[str]:
    return [f'"{field.column_name}"' for field in model._meta.get_primary_keys()]  # type: ignore[no-untyped-call]
