"""Data by length class, which of their readings are undated, and names of users without regard to case."""

import logging
import unicodedata

from gridecho.readings import decode

from ..engine import Connection, Engine

log = logging.getLogger("gridecho.remote")

_STATEMENTS = (
    "CREATE INDEX IF NOT EXISTS term_group_id_ended_ms ON group_term (group_id, ended_ms)",  # early ones of schema 4 lack it
    "ALTER TABLE datum ADD COLUMN level INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE datum ADD COLUMN undated INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE datum ADD COLUMN dated_s INTEGER",
    "ALTER TABLE datum ADD COLUMN step_s INTEGER",
    "DROP INDEX datum_sensor_id_first_s",
    "CREATE INDEX datum_sensor_id_level_first_s ON datum (sensor_id, level, first_s)",
    "CREATE INDEX datum_undated ON datum (sensor_id, epoch, seq) WHERE undated > 0",
    "ALTER TABLE sensor ADD COLUMN levels INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE sensor DROP COLUMN max_span_s",
)
_CLASSES = " ".join(f"WHEN last_s - first_s < {64 << 3 * level} THEN {level}" for level in range(10))
_CLASS_OF_ALL = f"UPDATE datum SET level = CASE {_CLASSES} END"  # noqa: S608  # nosec B608  # names of ours, values are bound
_UNDATED = -1  # the class of a datum without any time


def up(engine: Engine, connection: Connection) -> None:
    """Sorts all data into classes; reads those that have undated readings."""
    for statement in _STATEMENTS:
        connection.execute(statement)
    connection.execute(_CLASS_OF_ALL)
    undated = connection.execute("SELECT sensor_id, epoch, seq, count, time_s, body FROM datum WHERE first_s = 0")
    for *data_id, count, time_s, body in undated.fetchall():
        times = [reading.time_s for reading in decode(bytes(body), count, time_s)]
        dated = [time for time in times if time]
        first_s, last_s = (min(dated), max(dated)) if dated else (0, 0)
        level = max(0, ((last_s - first_s).bit_length() - 4) // 3) if dated else _UNDATED
        connection.execute(
            "UPDATE datum SET first_s = ?, last_s = ?, level = ?, undated = ? WHERE sensor_id = ? AND epoch = ? AND seq = ?",
            (first_s, last_s, level, len(times) - len(dated), *data_id),
        )
    connection.execute(
        "UPDATE sensor SET levels = coalesce("
        "(SELECT sum(DISTINCT 1 << level) FROM datum WHERE sensor_id = sensor.id AND level >= 0), 0)"
    )
    _name_keys(connection)


def _name_keys(connection: Connection) -> None:
    """Of two names that only case told apart the newer one gets its number behind it."""
    connection.execute("ALTER TABLE \"user\" ADD COLUMN key VARCHAR(255) NOT NULL DEFAULT ''")
    taken: set[str] = set()
    for number, name in connection.execute('SELECT id, name FROM "user" ORDER BY id').fetchall():
        unique = name
        while _key_of(unique) in taken:
            unique = f"{unique} {number}"
        taken.add(_key_of(unique))
        connection.execute('UPDATE "user" SET name = ?, key = ? WHERE id = ?', (unique, _key_of(unique), number))
        if unique != name:
            log.warning("user-renamed from=%r to=%r: case does not tell names apart any more", name, unique)
    connection.execute('CREATE UNIQUE INDEX user_key ON "user" (key)')


def _key_of(name: str) -> str:
    return unicodedata.normalize("NFKC", name).strip().casefold()
