"""Bringing a database of an older schema up to date, a step at a time."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pkgutil import iter_modules

from . import migrations
from .engine import Connection, Engine


@dataclass(frozen=True, slots=True)
class Step:
    """A migration: the schema that it makes, and its name."""

    schema: int
    name: str
    up: Callable[[Engine, Connection], None]


def steps_after(schema: int) -> list[Step]:
    """The steps that a database of this schema needs, in order."""
    names = sorted(module.name for module in iter_modules(migrations.__path__))
    return [
        Step(int(name[:4]), name[5:], import_module(f"{migrations.__name__}.{name}").up)
        for name in names
        if int(name[:4]) > schema
    ]


def take(engine: Engine, step: Step) -> bool:
    """Takes a step, whole or not at all. False: another process has taken it meanwhile."""
    with engine.writing() as connection:
        connection.lock("meta", ["schema_version"], "key")
        if schema_of(connection) != step.schema - 1:
            return False
        step.up(engine, connection)
        connection.execute("UPDATE meta SET value = ? WHERE key = 'schema_version'", (str(step.schema),))
    return True


def schema_of(connection: Connection) -> int:
    """The schema of a database; 0 if it says none."""
    row = connection.execute("SELECT value FROM meta WHERE key = 'schema_version'").fetchone()
    return int(row[0]) if row else 0
