"""Labels of sensors, and contracts."""

from ..engine import Connection, Engine


def up(engine: Engine, connection: Connection) -> None:
    """The tables that were not there."""
    connection.execute(
        "CREATE TABLE label (sensor_id BIGINT NOT NULL, label TEXT NOT NULL, "
        f"PRIMARY KEY (sensor_id, label)){engine.clustered}"
    )
    connection.execute("CREATE INDEX label_label ON label (label)")
    connection.execute(
        f"CREATE TABLE contract (id {engine.counter}, sensor_id BIGINT NOT NULL, user_id INTEGER, from_s BIGINT NOT NULL, "
        'until_s BIGINT, FOREIGN KEY (user_id) REFERENCES "user" (id))'
    )
    connection.execute("CREATE INDEX contract_sensor_id ON contract (sensor_id)")
    connection.execute("CREATE INDEX contract_user_id ON contract (user_id)")
