"""Frames that are kept apart, each sender's within its share, and what of a sender is set aside without being kept.

A relay's share is what may be kept at all over the number of relays; of each sensor it may bring a tenth of that, and half of it of
sensors that nobody enrolled. Beyond it only the digest of the last frame and the count are kept, under the sensor's number or 0.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import NamedTuple

from peewee import fn

from .database import Archive
from .engine import Connection
from .models import SetAside

NOBODY = 0  # in place of a sensor that is not enrolled
UNKNOWN_SENSOR, UNOPENABLE = "unknown sensor", "does not open"
CLONE = "same data id, other content"
UNCOMPARED = "same data id as in a damaged block"
UNTRUE = "tells a state that cannot be"
_OF_SENSOR, _OF_NOBODY = 10, 2  # parts of a relay's share
_FIELDS = "digest, reason, relay_id, sensor_id, epoch, seq, frame, stored_ms"
_AT_ONCE = 500


class Strange(NamedTuple):
    """A frame that is not among the readings, why, and the data id that it says."""

    reason: str
    frame: bytes
    sensor_id: int
    epoch: int
    seq: int

    @property
    def sender(self) -> tuple[int, str]:
        """The sensor and the reason under which it is counted."""
        return NOBODY if self.reason == UNKNOWN_SENSOR else self.sensor_id, self.reason


@dataclass(frozen=True, slots=True)
class Aside:
    """How much of a sender is kept apart for a reason, and how much `more` came that is not kept."""

    relay_id: int
    sensor_id: int
    reason: str
    kept: int
    more: int
    last_ms: int


def put(connection: Connection, relay_id: int, strange: Sequence[Strange], most: int, now_ms: int) -> int:
    """Keeps what a relay brought apart, as far as its share goes, and counts the rest: how many that are.

    `most` may be kept of all relays together. What comes again for a damaged block, which may be all that is left of it, is kept
    once for each data id and is on nobody's share. Within the transaction, which has locked the relay.
    """
    (relays,) = connection.execute("SELECT COUNT(*) FROM relay").fetchone()
    share = most // max(1, relays)
    query = "SELECT sensor_id, reason, kept FROM set_aside WHERE relay_id = ?"
    there = {(sensor, reason): kept for sensor, reason, kept in connection.execute(query, (relay_id,))}
    of = {sensor: 0 for sensor, _ in there}
    for (sensor, reason), kept in there.items():
        of[sensor] += kept if reason != UNCOMPARED else 0
    left = share - sum(of.values())
    by_digest = {sha256(one.frame).digest(): one for one in strange}
    known = _those_of(connection, "SELECT digest FROM quarantine WHERE digest IN", [*by_digest])
    waiting = _waiting(connection, {one.sensor_id for one in strange if one.reason == UNCOMPARED})
    rows: list[tuple[object, ...]] = []
    more: dict[tuple[int, str], tuple[int, bytes]] = {}
    for digest, one in by_digest.items():
        if digest in known:
            continue
        sensor, _ = one.sender
        if one.reason == UNCOMPARED:
            keep = (one.sensor_id, one.epoch, one.seq) not in waiting
            waiting.add((one.sensor_id, one.epoch, one.seq))
        else:
            keep = left > 0 and of.get(sensor, 0) < max(1, share // (_OF_SENSOR if sensor else _OF_NOBODY))
            left -= keep
            of[sensor] = of.get(sensor, 0) + keep
        if keep:
            rows.append((digest, one.reason, relay_id, one.sensor_id, one.epoch, one.seq, one.frame, now_ms))
        else:
            more[one.sender] = more.get(one.sender, (0, b""))[0] + 1, digest
    if rows:
        connection.insert("quarantine", _FIELDS, sorted(rows))
        recount(connection, [relay_id], now_ms)
    for (sensor, reason), (count, digest) in more.items():
        count_aside(connection, relay_id, sensor, reason, count, digest, now_ms)
    return sum(count for count, _ in more.values())


def count_aside(
    connection: Connection, relay_id: int, sensor_id: int, reason: str, count: int, digest: bytes, now_ms: int
) -> None:
    """Counts what a sender brought or told and is not kept; `digest` is the last one's. In the transaction that sets it aside."""
    connection.execute(
        "INSERT INTO set_aside (relay_id, sensor_id, reason, kept, more, digest, last_ms) VALUES (?, ?, ?, 0, ?, ?, ?) "
        "ON CONFLICT (relay_id, sensor_id, reason) DO UPDATE SET more = set_aside.more + excluded.more, "
        "digest = excluded.digest, last_ms = excluded.last_ms",
        (relay_id, sensor_id, reason, count, digest, now_ms),
    )


def recount(connection: Connection, relay_ids: Iterable[int], now_ms: int) -> None:
    """Has the counts say how many frames of these relays are kept. After every change of these, in its transaction."""
    for relay_id in sorted(set(relay_ids)):
        connection.execute("UPDATE set_aside SET kept = 0 WHERE relay_id = ?", (relay_id,))
        connection.execute(
            "INSERT INTO set_aside (relay_id, sensor_id, reason, kept, more, digest, last_ms) "
            "SELECT relay_id, CASE WHEN reason = ? THEN 0 ELSE sensor_id END, reason, COUNT(*), 0, ?, ? "
            "FROM quarantine WHERE relay_id = ? GROUP BY 1, 2, 3 "
            "ON CONFLICT (relay_id, sensor_id, reason) DO UPDATE SET kept = excluded.kept",
            (UNKNOWN_SENSOR, b"", now_ms, relay_id),
        )


def purge(connection: Connection, sensor_id: int | None, relay_id: int | None, now_ms: int) -> int:
    """Deletes the frames of a sensor, a relay or all (None), with their counts: how many frames these were.

    What came again for a damaged block stays. Within a transaction.
    """
    which = {name: one for name, one in (("sensor_id", sensor_id), ("relay_id", relay_id)) if one is not None}
    where = "".join(f" AND {name} = ?" for name in which)
    values = [UNCOMPARED, *which.values()]
    connection.lock("relay")
    query = f"SELECT DISTINCT relay_id FROM quarantine WHERE reason != ?{where}"  # noqa: S608  # nosec B608  # names of ours, values are bound
    relays = [one for (one,) in connection.execute(query, values)]
    gone = connection.execute(f"DELETE FROM quarantine WHERE reason != ?{where}", values).rowcount  # noqa: S608  # nosec B608  # names of ours, values are bound
    connection.execute(f"UPDATE set_aside SET more = 0 WHERE reason != ?{where}", values)  # noqa: S608  # nosec B608  # names of ours, values are bound
    recount(connection, relays, now_ms)
    connection.execute("DELETE FROM set_aside WHERE kept = 0 AND more = 0")
    return gone


def not_kept(archive: Archive, limit: int = 1_000) -> list[Aside]:
    """The senders of whom something is set aside and not kept, the most first."""
    query = SetAside.select(
        SetAside.relay_id, SetAside.sensor_id, SetAside.reason, SetAside.kept, SetAside.more, SetAside.last_ms
    )
    query = query.where(SetAside.more > 0).order_by(SetAside.more.desc(), SetAside.relay_id, SetAside.sensor_id)
    return [Aside(*row) for row in query.limit(limit).tuples().execute(archive.db)]


def not_kept_by_reason(archive: Archive) -> dict[str, int]:
    """How much of all senders was set aside and not kept, by reason."""
    query = SetAside.select(SetAside.reason, fn.SUM(SetAside.more)).where(SetAside.more > 0).group_by(SetAside.reason)
    return {reason: int(more) for reason, more in query.tuples().execute(archive.db)}


def _those_of(connection: Connection, query: str, values: Sequence[object]) -> set[bytes]:
    found = set()
    for at in range(0, len(values), _AT_ONCE):
        some = values[at : at + _AT_ONCE]
        marks = ", ".join("?" for _ in some)
        found |= {bytes(one) for (one,) in connection.execute(f"{query} ({marks})", some)}
    return found


def _waiting(connection: Connection, sensor_ids: set[int]) -> set[tuple[int, int, int]]:
    """The data ids of these sensors of which something waits that could not be compared."""
    found = set()
    for sensor_id in sorted(sensor_ids):
        query = "SELECT epoch, seq FROM quarantine WHERE sensor_id = ? AND reason = ?"
        found |= {(sensor_id, epoch, seq) for epoch, seq in connection.execute(query, (sensor_id, UNCOMPARED))}
    return found
