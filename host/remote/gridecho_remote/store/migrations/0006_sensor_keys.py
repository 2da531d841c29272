"""Keys of sensors that are to come or were replaced: a table of them, no longer facts in `meta`."""

from ..engine import Connection, Engine


def up(engine: Engine, connection: Connection) -> None:
    """Moves `next_root.SENSOR` ("KEY hex") to number 0, and `retired_roots.SENSOR.KEY` ("hex hex ...", oldest first) to 1, 2 ..."""
    connection.execute(
        "CREATE TABLE sensor_key (sensor_id BIGINT NOT NULL, key_id SMALLINT NOT NULL, number INTEGER NOT NULL, "
        f"wrapped {engine.blob} NOT NULL, PRIMARY KEY (sensor_id, key_id, number))"
    )
    rows: list[tuple[int, int, int, bytes]] = []
    found = connection.execute("SELECT key, value FROM meta WHERE key LIKE 'next_root.%' OR key LIKE 'retired_roots.%'")
    for key, value in found.fetchall():
        kind, *numbers = key.split(".")
        if kind == "next_root":
            key_id, _, wrapped = value.partition(" ")
            rows.append((int(numbers[0]), int(key_id), 0, bytes.fromhex(wrapped)))
        else:
            sensor_id, key_id = map(int, numbers)
            rows += [(sensor_id, key_id, n, bytes.fromhex(one)) for n, one in enumerate(value.split(), 1)]
    connection.insert("sensor_key", "sensor_id, key_id, number, wrapped", rows)
    connection.execute("DELETE FROM meta WHERE key LIKE 'next_root.%' OR key LIKE 'retired_roots.%'")
