"""For whom a relay is asked, so that each has a share of the questions to it."""

from ..engine import Connection, Engine


def up(_engine: Engine, connection: Connection) -> None:
    """The column that was not there; of questions that are under way nobody is known to have asked them."""
    connection.execute("ALTER TABLE pull ADD COLUMN party VARCHAR(255) NOT NULL DEFAULT ''")
