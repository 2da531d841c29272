"""Logins as rows, which can be listed and ended one by one, in place of one mark for all of a user's. Those of before are over."""

from ..engine import Connection, Engine

_STATEMENTS = (
    "CREATE UNIQUE INDEX session_digest ON session (digest)",
    "CREATE INDEX session_user_id ON session (user_id)",
    'ALTER TABLE "user" DROP COLUMN session',
)


def up(engine: Engine, connection: Connection) -> None:
    """The table, and the column that goes."""
    connection.execute(
        f'CREATE TABLE session (id {engine.counter}, user_id INTEGER NOT NULL REFERENCES "user" (id), '
        f"digest {engine.blob} NOT NULL, begun_s BIGINT NOT NULL, seen_s BIGINT NOT NULL, "
        "address VARCHAR(255) NOT NULL, agent VARCHAR(255) NOT NULL)"
    )
    for statement in _STATEMENTS:
        connection.execute(statement)
