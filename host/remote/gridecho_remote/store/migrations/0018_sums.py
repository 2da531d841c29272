"""Sums that were given to people who may not see the sensors in them, and what they leave to be worked out."""

from ..engine import Connection, Engine


def up(engine: Engine, connection: Connection) -> None:
    """The tables that were not there."""
    connection.execute(
        "CREATE TABLE given_sum (user_id BIGINT NOT NULL, code SMALLINT NOT NULL, day INTEGER NOT NULL, region TEXT NOT NULL, "
        "category TEXT NOT NULL, sensors INTEGER NOT NULL, wh BIGINT NOT NULL, "
        f"PRIMARY KEY (user_id, code, day, region, category)){engine.clustered}"
    )
    connection.execute(
        "CREATE TABLE given_classes (user_id BIGINT NOT NULL, code SMALLINT NOT NULL, day INTEGER NOT NULL, "
        f"classes {engine.blob} NOT NULL, PRIMARY KEY (user_id, code, day))"
    )
