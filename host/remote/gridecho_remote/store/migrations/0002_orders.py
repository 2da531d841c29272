"""Orders for sensors, and what sensors last told of themselves."""

from ..engine import Connection, Engine

_STATEMENTS = (
    "CREATE TABLE order_content (id INTEGER NOT NULL PRIMARY KEY, wrapped BLOB NOT NULL)",
    """
    CREATE TABLE orders (
        sensor_id INTEGER NOT NULL, version INTEGER NOT NULL, kind INTEGER NOT NULL,
        state VARCHAR(255) NOT NULL, size INTEGER NOT NULL, content INTEGER NOT NULL,
        created_s INTEGER NOT NULL, PRIMARY KEY (sensor_id, version))
    """,
    """
    CREATE TABLE state (
        sensor_id INTEGER NOT NULL, code INTEGER NOT NULL, value INTEGER NOT NULL, epoch INTEGER NOT NULL,
        seq INTEGER NOT NULL, item INTEGER NOT NULL, time_s INTEGER NOT NULL, PRIMARY KEY (sensor_id,
        code)) WITHOUT ROWID
    """,
    "CREATE INDEX order_state ON orders (state)",
    "INSERT INTO meta (key, value) VALUES ('orders_version', '1')",
)


def up(engine: Engine, connection: Connection) -> None:
    """The tables that were not there."""
    for statement in _STATEMENTS:
        connection.execute(statement)
