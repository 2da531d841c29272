"""Who changed what, and how often somebody guessed wrong lately."""

from ..engine import Connection, Engine


def up(engine: Engine, connection: Connection) -> None:
    """The tables that were not there."""
    connection.execute(
        f"CREATE TABLE audit (id {engine.counter}, at_ms BIGINT NOT NULL, actor_kind VARCHAR(255) NOT NULL, "
        "actor_id BIGINT NOT NULL, what VARCHAR(255) NOT NULL, subject VARCHAR(255) NOT NULL, fields TEXT NOT NULL)"
    )
    connection.execute("CREATE INDEX audit_subject ON audit (subject)")
    connection.execute(
        f"CREATE TABLE tries (digest {engine.blob} NOT NULL PRIMARY KEY, count INTEGER NOT NULL, until_ms BIGINT NOT NULL)"
    )
    connection.execute("CREATE INDEX tries_until_ms ON tries (until_ms)")
