"""Sensors at which somebody looks now."""

from ..engine import Connection, Engine


def up(engine: Engine, connection: Connection) -> None:
    """The table that was not there."""
    connection.execute(
        "CREATE TABLE interest (sensor_id BIGINT NOT NULL, user_id BIGINT NOT NULL, until_ms BIGINT NOT NULL, "
        f"PRIMARY KEY (sensor_id, user_id)){engine.clustered}"
    )
