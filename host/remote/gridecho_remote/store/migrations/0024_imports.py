"""Files of readings that people took into sensors."""

from ..engine import Connection, Engine


def up(engine: Engine, connection: Connection) -> None:
    """The table that was not there."""
    connection.execute(
        f"CREATE TABLE import (id {engine.counter}, sensor_id BIGINT NOT NULL, first_seq BIGINT NOT NULL, "
        "last_seq BIGINT NOT NULL, first_s BIGINT NOT NULL, last_s BIGINT NOT NULL, mask BIGINT NOT NULL, "
        f"readings INTEGER NOT NULL, digest {engine.blob} NOT NULL, name TEXT NOT NULL, user_id INTEGER, "
        'imported_ms BIGINT NOT NULL, taken_back_ms BIGINT, FOREIGN KEY (user_id) REFERENCES "user" (id))'
    )
    connection.execute("CREATE INDEX import_sensor_id ON import (sensor_id)")
    connection.execute("CREATE INDEX import_user_id ON import (user_id)")
