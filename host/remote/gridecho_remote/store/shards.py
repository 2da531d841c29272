"""The tables that grow with the data, spread over data servers by PostgreSQL's postgres_fdw (docs/scale.md).

They begin with the sensor and are parted by it: hash partitions, each a foreign table here and a plain one on its data server.
All of one sensor is on one server, so what is done there to it is done whole or not at all. A transaction is committed on every
data server before it is here, and not on all of them at one moment: what cannot go with the data is told before (ingest.py).
"""

from collections.abc import Callable, Mapping, Sequence

from psycopg.conninfo import conninfo_to_dict

from ..rules.errors import RemoteError, StorageAwayError, StorageFullError
from .engine import Connection, Engine, beneath
from .postgresql import PostgresEngine

TABLES = ("block", "stale", "loose", "day_rollup", "hour_rollup", "route")
# The last guard: no two blocks hold the same seq, whatever became of the lock of who writes.
_APART = "EXCLUDE USING gist (sensor_id WITH =, epoch WITH =, int8range(first_seq, last_seq, '[]') WITH &&)"
_ROWS_AT_ONCE = "100"
_ASKED = (
    "stale",
    "day_rollup",
)  # these are joined with sensors: without costs that are asked there, all would be fetched
_OF_USER = ("user", "password")
_COLUMNS = (
    "SELECT string_agg(format('%I %s%s', attname, format_type(atttypid, atttypmod), "
    "CASE WHEN attnotnull THEN ' NOT NULL' ELSE '' END), ', ' ORDER BY attnum) "
    "FROM pg_attribute WHERE attrelid = ?::regclass AND attnum > 0 AND NOT attisdropped"
)
_KEY = "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = ?::regclass AND contype = 'p'"
_INDEXES = (
    "SELECT pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid = ?::regclass AND NOT indisprimary ORDER BY 1"
)

Told = Callable[[str, int], None]  # a table, and how many rows of it were moved


def spread(engine: Engine, urls: Sequence[str], parts: int, told: Told) -> None:
    """Spreads the tables, with the rows that they have, over the empty databases at these URLs, in so many parts each.

    The parts of a server are every so-manieth: part n lies on server n modulo their number. Nothing is changed here unless all
    went well; what came to the data servers until then is of no use. Raises RemoteError, SettingsError.
    """
    if not isinstance(engine, PostgresEngine):
        raise RemoteError("shards-engine", name=engine.name)
    servers = [PostgresEngine(url) for url in urls]
    name = engine.name
    try:
        with engine.writing() as connection:
            connection.lock("meta")
            if engine.apart:
                raise RemoteError("shards-there", name=name)
            for number, server in enumerate(servers):
                name = server.name
                with server.writing() as there:
                    if server.db.get_tables():
                        raise RemoteError("database-there", name=name)
                    for statement in of_server(connection, range(number, parts, len(servers))):
                        there.execute(statement)
            name = engine.name
            for statement in of_servers(urls):
                connection.execute(statement)
            for table in TABLES:
                for statement in of_table(table, parts, len(servers)):
                    connection.execute(statement)
                told(table, connection.execute(f"INSERT INTO {table} SELECT * FROM {table}_whole").rowcount)  # noqa: S608  # nosec B608  # names of ours, values are bound
                connection.execute(f"DROP TABLE {table}_whole")
    except (StorageAwayError, StorageFullError, *engine.errors) as error:
        said = str(beneath(error.__cause__ or error)).partition("\n")[0]
        raise RemoteError("shards-failed", name=name, said=said) from error
    finally:
        del engine.apart  # it is looked at anew
        for server in servers:
            server.close()


def of_server(connection: Connection, parts: Sequence[int]) -> list[str]:
    """The statements for a data server that has these parts, of tables as they are here."""
    statements = ["CREATE EXTENSION IF NOT EXISTS btree_gist"]
    for table in TABLES:
        (columns,) = connection.execute(_COLUMNS, (table,)).fetchone()
        (key,) = connection.execute(_KEY, (table,)).fetchone()
        indexes = [text.partition(" USING ")[2] for (text,) in connection.execute(_INDEXES, (table,))]
        apart = f", {_APART}" if table == "block" else ""
        for part in parts:
            statements.append(f"CREATE TABLE {table}_{part} ({columns}, {key}{apart})")
            statements += [f"CREATE INDEX ON {table}_{part} USING {index}" for index in indexes]
    return statements


def of_servers(urls: Sequence[str]) -> list[str]:
    """The statements for the database that is spread: how it reaches the data servers `shard_0`, `shard_1` and so on."""
    statements = ["CREATE EXTENSION IF NOT EXISTS postgres_fdw"]
    for number, url in enumerate(urls):
        where = {"connect_timeout": "10", **conninfo_to_dict(url), "batch_size": _ROWS_AT_ONCE}
        user = {name: where.pop(name) for name in _OF_USER if name in where}
        statements += [
            f"CREATE SERVER shard_{number} FOREIGN DATA WRAPPER postgres_fdw {_options(where)}",
            f"CREATE USER MAPPING FOR CURRENT_USER SERVER shard_{number} {_options(user)}",
        ]
    return statements


def of_table(table: str, parts: int, servers: int) -> list[str]:
    """The statements that put a parted table in the place of a table, which is `…_whole` then."""
    asked = str(table in _ASKED).lower()
    return [
        f"ALTER TABLE {table} RENAME TO {table}_whole",
        f"CREATE TABLE {table} (LIKE {table}_whole) PARTITION BY HASH (sensor_id)",
        *(
            f"CREATE FOREIGN TABLE {table}_{part} PARTITION OF {table} "
            f"FOR VALUES WITH (MODULUS {parts}, REMAINDER {part}) SERVER shard_{part % servers} "
            f"OPTIONS (schema_name 'public', table_name '{table}_{part}', use_remote_estimate '{asked}')"
            for part in range(parts)
        ),
    ]


def _options(values: Mapping[str, object]) -> str:
    said = ", ".join(f"{name} '{_quoted(str(value))}'" for name, value in values.items())
    return f"OPTIONS ({said})" if said else ""


def _quoted(text: str) -> str:
    return text.replace("'", "''")
