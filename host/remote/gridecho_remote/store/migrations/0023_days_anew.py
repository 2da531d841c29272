"""What was kept of days had 32 bits for some values that have more: it is made anew from the readings, or from the hours."""

from ..engine import Connection, Engine


def up(_engine: Engine, connection: Connection) -> None:
    """Every day that is kept does not hold any more."""
    connection.execute(
        "INSERT INTO stale (sensor_id, day) SELECT sensor_id, day FROM day_rollup WHERE day >= 0 ON CONFLICT DO NOTHING"
    )
