"""How often a sensor's readings changed, so that who keeps an answer knows whether it holds."""

from ..engine import Connection, Engine


def up(_engine: Engine, connection: Connection) -> None:
    """The column that was not there; nobody has kept an answer yet."""
    connection.execute("ALTER TABLE sensor ADD COLUMN changes BIGINT NOT NULL DEFAULT 0")
