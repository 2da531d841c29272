"""What is set aside of each sender and not kept; which relays brought data of a sensor; how much of its index each relay has."""

from ..engine import Connection, Engine

# Of sensors that nobody enrolled any number may be told: they are one.
_SENSOR = "CASE WHEN reason = 'unknown sensor' THEN 0 ELSE sensor_id END"


def up(engine: Engine, connection: Connection) -> None:
    """The tables, columns and indexes that were not there, filled from what is."""
    connection.execute(
        "CREATE TABLE set_aside (relay_id BIGINT NOT NULL, sensor_id BIGINT NOT NULL, reason VARCHAR(255) NOT NULL, "
        f"kept INTEGER NOT NULL, more BIGINT NOT NULL, digest {engine.blob} NOT NULL, last_ms BIGINT NOT NULL, "
        f"PRIMARY KEY (relay_id, sensor_id, reason)){engine.clustered}"
    )
    connection.execute(
        f"INSERT INTO set_aside SELECT relay_id, {_SENSOR}, reason, COUNT(*), 0, ?, MAX(stored_ms) FROM quarantine "  # noqa: S608  # nosec B608  # names of ours, values are bound
        f"GROUP BY relay_id, {_SENSOR}, reason",
        (b"",),
    )
    connection.execute("CREATE INDEX quarantine_sender ON quarantine (relay_id, sensor_id, reason)")
    connection.execute("CREATE INDEX quarantine_datum ON quarantine (sensor_id, epoch, seq)")
    connection.execute(
        "CREATE TABLE bringer (sensor_id BIGINT NOT NULL, relay_id BIGINT NOT NULL, "
        f"PRIMARY KEY (sensor_id, relay_id)){engine.clustered}"
    )
    for column in ("runs", "data", "sure"):
        connection.execute(f"ALTER TABLE relay_state ADD COLUMN {column} BIGINT NOT NULL DEFAULT 0")
    connection.execute("ALTER TABLE relay_state ADD COLUMN doubted SMALLINT NOT NULL DEFAULT 0")
    connection.execute(
        "UPDATE relay_state SET runs = (SELECT COUNT(*) FROM holding AS h WHERE h.relay_id = relay_state.relay_id), "
        "data = (SELECT COALESCE(SUM(h.last_seq - h.first_seq + 1), 0) FROM holding AS h WHERE h.relay_id = relay_state.relay_id)"
    )
    connection.execute(
        "UPDATE relay_state SET sure = data WHERE heartbeat_ms > 0"
    )  # the next heartbeat comes after all that
