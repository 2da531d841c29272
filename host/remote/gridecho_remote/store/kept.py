"""Curves that somebody asked for before, kept in memory for as long as they hold: many look at the same year.

A sensor's row counts the changes of its readings (`Sensor.changes`), in the transaction of each change, whichever process makes it.
What is kept was made in one transaction with the count that is kept beside it, and is given only while the row says the same.
"""

from threading import Lock

from cachetools import LRUCache

from ..rules.days import Days
from . import timeline
from .database import Archive
from .engine import Connection
from .timeline import Span, Thinned

_MOST_ITEMS = 20_000  # in all curves together: some MB
_Key = tuple[str, int, int, Span, int]


class Curves:
    """Thinned curves of one database; any thread may use it."""

    def __init__(self) -> None:
        self._kept: LRUCache[_Key, tuple[int, Thinned]] = LRUCache(_MOST_ITEMS, lambda kept: 1 + len(kept[1].items))
        self._lock = Lock()

    def thinned(self, archive: Archive, days: Days, sensor_id: int, code: int, span: Span, points: int) -> Thinned:
        """As `timeline.thinned`; others may have the same one."""
        connection = archive.connection()
        if connection.apart:  # what came may be there although its transaction, with the count, was undone (shards.py)
            return timeline.thinned(archive, days, sensor_id, code, span, points)
        key = days.name, sensor_id, code, span, points
        with self._lock:
            kept = self._kept.get(key)
        if kept is not None and kept[0] == _changes(connection, sensor_id):
            return kept[1]
        with archive.reading() as connection:
            changes = _changes(connection, sensor_id)
            found = timeline.thinned(archive, days, sensor_id, code, span, points)
        if len(found.items) < _MOST_ITEMS:
            with self._lock:
                self._kept[key] = changes, found
        return found


def _changes(connection: Connection, sensor_id: int) -> int:
    row = connection.execute("SELECT changes FROM sensor WHERE id = ?", (sensor_id,)).fetchone()
    return int(row[0]) if row else -1
