"""What relays hold and say of themselves, pulls that wait for them, and one-time codes."""

from ..engine import Connection, Engine

_STATEMENTS = (
    """
    CREATE TABLE enrol_code (
        digest BLOB NOT NULL PRIMARY KEY, name TEXT NOT NULL, expires_s INTEGER NOT NULL, used_s INTEGER,
        nonce TEXT, relay_id INTEGER)
    """,
    """
    CREATE TABLE holding (
        sensor_id INTEGER NOT NULL, relay_id INTEGER NOT NULL, epoch INTEGER NOT NULL,
        first_seq INTEGER NOT NULL, last_seq INTEGER NOT NULL, first_s INTEGER NOT NULL,
        step_s INTEGER NOT NULL, PRIMARY KEY (sensor_id, relay_id, epoch, first_seq)) WITHOUT ROWID
    """,
    """
    CREATE TABLE pull (
        id INTEGER NOT NULL PRIMARY KEY, relay_id INTEGER NOT NULL, digest BLOB NOT NULL,
        body BLOB NOT NULL, state VARCHAR(255) NOT NULL, frames INTEGER NOT NULL,
        created_ms INTEGER NOT NULL)
    """,
    """
    CREATE TABLE relay_state (
        relay_id INTEGER NOT NULL PRIMARY KEY, listing INTEGER NOT NULL, known_to INTEGER NOT NULL,
        heartbeat_ms INTEGER NOT NULL, pull_url TEXT NOT NULL, report TEXT NOT NULL)
    """,
    "CREATE INDEX holding_relay_id ON holding (relay_id)",
    "CREATE INDEX pullrequest_relay_id_state ON pull (relay_id, state)",
)


def up(engine: Engine, connection: Connection) -> None:
    """The tables that were not there."""
    for statement in _STATEMENTS:
        connection.execute(statement)
