"""Grants have a whole scope. Those that there are see what they saw: every reading of all times, as it comes, files among it."""

from ..engine import Connection, Engine

_COLUMNS = (
    "labels TEXT",
    "sensors TEXT",
    "resolution SMALLINT NOT NULL DEFAULT 0",
    "k INTEGER NOT NULL DEFAULT 1",
    "first_s BIGINT",
    "until_s BIGINT",
    "export SMALLINT NOT NULL DEFAULT 1",
    "live SMALLINT NOT NULL DEFAULT 1",
    "starts_s BIGINT",
)


def up(engine: Engine, connection: Connection) -> None:
    """The columns that were not there; one sensor is a list of one."""
    for column in _COLUMNS:
        connection.execute(f'ALTER TABLE "grant" ADD COLUMN {column}')
    connection.execute("UPDATE \"grant\" SET sensors = '[' || sensor_id || ']' WHERE sensor_id IS NOT NULL")
    connection.execute('ALTER TABLE "grant" DROP COLUMN sensor_id')
