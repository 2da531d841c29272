"""The holdings index: which relay holds what the remote does not have. Runs of data ids, as relays tell them in pieces.

A frame leaves the index of the relay that sent it, in the transaction that stores it. Runs and pieces: gridecho.holdings. What a
relay tells is held against what it says of itself: see `weigh`.
"""

import json
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gridecho.holdings import ANY, MAX_WANTS, Known, Piece, without

from ..rules.levels import levels_in, reach_s
from .database import Archive
from .engine import Connection
from .models import RelayState
from .quarantine import NOBODY, count_aside

log = logging.getLogger("gridecho.remote")

Run = tuple[int, ...]  # sensor id, epoch, first seq, count, first time, step
Want = tuple[int, ...]  # sensor id, epoch, first seq, last seq, first time, last time

_OF = "sensor_id = ? AND relay_id = ? AND epoch = ?"
_LONGEST_S = 7 * 86_400  # data that reach further back than this come from a wrong clock
EVERY_S = 2.0  # between heartbeats, where a relay says nothing else
SPOKE_FROM = "spoke_from"  # in a relay's report: the address that its heartbeat came from
_LATE, _LATE_S = 1.5, 1.0  # intervals since a relay's last heartbeat, and seconds beyond one, and it is not waited for
_AT_ONCE = 500  # sensors that are looked up
_RUNS_AT_ONCE = 1_000  # that one transaction takes in
NO_RUN = "says that it holds what no data id can be"
OF_NOBODY = "says that it holds data of sensors that are not enrolled"
TOO_MANY = "says that it holds more runs than are kept of one relay"
FEWER = "says that it holds less than it told"


def take_piece(
    archive: Archive, piece: Piece, most_runs: int = ANY, now_ms: int = 0, give_way: Callable[[], None] = lambda: None
) -> Known:
    """Takes in a piece of a relay's index if it goes on where the last one ended, and says what is known then.

    Of one relay `most_runs` are kept; what is beyond, and what cannot be, is set aside and counted. Some runs are a transaction,
    and `give_way` is called between two of them: the same piece may come again if it was not taken in to its end.
    """
    parts = [piece.runs[at : at + _RUNS_AT_ONCE] for at in range(0, len(piece.runs), _RUNS_AT_ONCE)] or [[]]
    for n, runs in enumerate(parts):
        if n:
            give_way()
        listing, known_to = _take_part(archive, piece, runs, n + 1 == len(parts), most_runs, now_ms)
        if (listing, known_to) != (piece.listing, piece.start):
            break
    return Known(piece.relay_id, listing, known_to)


def _take_part(
    archive: Archive, piece: Piece, part: Sequence[Run], is_last: bool, most_runs: int, now_ms: int
) -> tuple[int, int]:
    """(listing, up to which row id it is known) after these runs of a piece; one transaction."""
    with archive.writing() as connection:
        connection.lock("relay", [piece.relay_id])
        query = "SELECT listing, known_to, runs, data, sure FROM relay_state WHERE relay_id = ?"
        state = connection.execute(query, (piece.relay_id,)).fetchone()
        listing, known_to, runs, data, sure = state or (0, 0, 0, 0, 0)
        if piece.listing > listing and piece.start == 0:
            connection.execute("DELETE FROM holding WHERE relay_id = ?", (piece.relay_id,))
            listing, known_to, runs, data, sure = piece.listing, 0, 0, 0, 0
        if (piece.listing, piece.start) == (listing, known_to):
            enrolled = _enrolled(connection, sorted({run[0] for run in part}))
            left = {NO_RUN: piece.left_out if is_last else 0, OF_NOBODY: 0, TOO_MANY: 0}
            for run in part:
                if run[0] not in enrolled:
                    left[OF_NOBODY] += 1
                elif runs >= most_runs:
                    left[TOO_MANY] += 1
                else:
                    more_runs, more_data = _add(connection, piece.relay_id, run)
                    runs, data = runs + more_runs, data + more_data
            for reason, count in left.items():
                if count:
                    log.warning("index-runs-left-out relay=%d runs=%d reason=%r", piece.relay_id, count, reason)
                    count_aside(connection, piece.relay_id, NOBODY, reason, count, b"", now_ms)
            if is_last:
                known_to = piece.end
        connection.execute(
            "INSERT INTO relay_state (relay_id, listing, known_to, heartbeat_ms, pull_url, report, runs, data, sure, doubted) "
            "VALUES (?, ?, ?, 0, '', '{}', ?, ?, ?, 0) ON CONFLICT (relay_id) DO UPDATE SET listing = excluded.listing, "
            "known_to = excluded.known_to, runs = excluded.runs, data = excluded.data, sure = excluded.sure",
            (piece.relay_id, listing, known_to, runs, data, sure),
        )
    return listing, known_to


def weigh(connection: Connection, relay_id: int, held: int, now_ms: int) -> None:
    """Holds the index of a relay against how many data it says that it `held`, after its heartbeat is kept.

    What was told before the last heartbeat, and has not come here, the relay must have now. If it says fewer, it is not named as a
    holder until it says otherwise. In the transaction of the heartbeat.
    """
    query = "SELECT sure, doubted FROM relay_state WHERE relay_id = ?"
    sure, before = connection.execute(query, (relay_id,)).fetchone()
    doubted = int(held < sure)
    connection.execute("UPDATE relay_state SET sure = data, doubted = ? WHERE relay_id = ?", (doubted, relay_id))
    if doubted and not before:
        count_aside(connection, relay_id, NOBODY, FEWER, 1, b"", now_ms)


def _enrolled(connection: Connection, sensor_ids: list[int]) -> set[int]:
    found: set[int] = set()
    for at in range(0, len(sensor_ids), _AT_ONCE):
        some = sensor_ids[at : at + _AT_ONCE]
        marks = ", ".join("?" for _ in some)
        found |= {one for (one,) in connection.execute(f"SELECT id FROM sensor WHERE id IN ({marks})", some)}  # noqa: S608  # nosec B608  # names of ours, values are bound
    return found


def forget(connection: Connection, relay_id: int, runs: Iterable[tuple[int, int, int, int]]) -> None:
    """Takes data off the index of a relay: runs of (sensor id, epoch, first seq, last seq).

    In the transaction that stores them and has locked the relay.
    """
    if not connection.execute("SELECT EXISTS (SELECT 1 FROM holding WHERE relay_id = ?)", (relay_id,)).fetchone()[0]:
        return
    fewer_runs = fewer_data = 0
    for run in runs:
        cut_runs, cut_data = _cut(connection, relay_id, *run)
        fewer_runs, fewer_data = fewer_runs + cut_runs, fewer_data + cut_data
    if fewer_data:
        connection.execute(
            "UPDATE relay_state SET runs = runs - ?, data = data - ?, "
            "sure = CASE WHEN sure > ? THEN sure - ? ELSE 0 END WHERE relay_id = ?",
            (fewer_runs, fewer_data, fewer_data, fewer_data, relay_id),
        )


@dataclass(frozen=True, slots=True)
class Held:
    """A run of a sensor's data that a relay holds, and the times of the first readings of its first and its last datum."""

    relay_id: int
    epoch: int
    first_seq: int
    last_seq: int
    first_s: int
    last_s: int


def held_in(archive: Archive, sensor_id: int, from_s: int, to_s: int) -> list[Held]:
    """What of a sensor's data of a span (Unix seconds, both ends within) relays hold, by relay and time.

    A datum counts by its first reading; those that begin earlier but reach into the span are among them.
    """
    rows = archive.connection().execute(
        "SELECT relay_id, epoch, first_seq, last_seq, first_s, first_s + (last_seq - first_seq) * step_s FROM holding "
        "WHERE sensor_id = ? AND first_s <= ? AND first_s + (last_seq - first_seq) * step_s >= ? "
        "ORDER BY relay_id, first_s",
        (sensor_id, to_s, from_s - _LONGEST_S),
    )
    found = [Held(*row) for row in rows]
    if found:
        from_s -= reach_of(archive, sensor_id)
    return [one for one in found if one.last_s >= from_s]


def wants_since(archive: Archive, sensor_id: int, from_s: int, to_s: int) -> dict[int, list[Want]]:
    """The wants by relay of the data that begin within a span (both ends within), and of each run of the one before it, which may
    reach into the span if it is not a minute old: by numbers, so that of what is older no more comes along.
    """
    rows = archive.connection().execute(
        "SELECT relay_id, epoch, first_seq, last_seq, first_s, step_s FROM holding WHERE sensor_id = ? AND first_s <= ? "
        "AND first_s + (last_seq - first_seq) * step_s >= ? ORDER BY relay_id, epoch, first_seq",
        (sensor_id, to_s, from_s - reach_s(0)),
    )
    wants: dict[int, list[Want]] = {}
    for relay_id, epoch, first_seq, last_seq, first_s, step_s in rows:
        before = (from_s - first_s) // step_s if step_s and first_s < from_s else 0
        want = sensor_id, epoch, min(first_seq + before, last_seq), last_seq, 0, min(to_s, ANY)
        wants.setdefault(relay_id, []).append(want)
    return {relay_id: some[:MAX_WANTS] for relay_id, some in wants.items()}


def reach_of(archive: Archive, sensor_id: int) -> int:
    """How long before its last reading a datum of the sensor may begin, in seconds."""
    row = archive.connection().execute("SELECT levels FROM sensor WHERE id = ?", (sensor_id,)).fetchone()
    longest_s = max((reach_s(level) for level in levels_in(row[0])), default=0) if row else 0
    return min(longest_s, _LONGEST_S)


def wants_in(archive: Archive, sensor_id: int, from_s: int, to_s: int) -> dict[int, list[Want]]:
    """The wants by relay of what `held_in` finds."""
    found = held_in(archive, sensor_id, from_s, to_s)
    span = (max(0, from_s - reach_of(archive, sensor_id)), min(to_s, ANY)) if found else ()
    wants: dict[int, list[Want]] = {}
    for one in found:
        wants.setdefault(one.relay_id, []).append((sensor_id, one.epoch, one.first_seq, one.last_seq, *span))
    return {relay_id: some[:MAX_WANTS] for relay_id, some in wants.items()}


def wants_of(archive: Archive, sensor_id: int, epoch: int, first_seq: int, last_seq: int) -> dict[int, list[Want]]:
    """What of these data ids relays hold: wants by relay."""
    rows = archive.connection().execute(
        "SELECT DISTINCT relay_id FROM holding WHERE sensor_id = ? AND epoch = ? AND first_seq <= ? AND last_seq >= ?",
        (sensor_id, epoch, last_seq, first_seq),
    )
    return {relay_id: [(sensor_id, epoch, first_seq, last_seq, 0, ANY)] for (relay_id,) in rows}


def holders(archive: Archive, sensor_id: int, epoch: int, first_seq: int, last_seq: int) -> list[int]:
    """The relays that hold some of these data ids, by id; not those that say they hold less than they told."""
    doubted = {one for (one,) in archive.connection().execute("SELECT relay_id FROM relay_state WHERE doubted > 0")}
    return sorted(wants_of(archive, sensor_id, epoch, first_seq, last_seq).keys() - doubted)


@dataclass(frozen=True, slots=True)
class Told:
    """What the index says of one relay: how many runs and how many data."""

    runs: int
    data: int


def told(archive: Archive) -> dict[int, Told]:
    """What the index says of each relay that holds something."""
    query = "SELECT relay_id, runs, data FROM relay_state WHERE runs > 0"
    return {relay_id: Told(runs, data) for relay_id, runs, data in archive.connection().execute(query)}


@dataclass(frozen=True, slots=True)
class Listing(Told):
    """The same of one that may hold nothing, and what it last said of itself (`heartbeat_ms` 0: nothing yet; `report`: JSON)."""

    heartbeat_ms: int
    pull_url: str
    report: str


def listings(archive: Archive) -> dict[int, Listing]:
    """What each relay last said of itself, by id; of one that never called there may be nothing."""
    query = "SELECT relay_id, runs, data, heartbeat_ms, pull_url, report FROM relay_state"
    return {row[0]: Listing(*row[1:]) for row in archive.connection().execute(query)}


def listings_of(archive: Archive, relay_ids: Sequence[int]) -> dict[int, Listing]:
    """The same of some relays."""
    marks = ", ".join("?" for _ in relay_ids)
    query = f"SELECT relay_id, runs, data, heartbeat_ms, pull_url, report FROM relay_state WHERE relay_id IN ({marks})"  # noqa: S608  # nosec B608  # values are bound
    rows = archive.connection().execute(query, relay_ids) if relay_ids else ()
    return {row[0]: Listing(*row[1:]) for row in rows}


def put_heartbeat(archive: Archive, relay_id: int, now_ms: int, pull_url: str, report: str) -> None:
    """Keeps what a relay says of itself: where it can be reached (empty: nowhere), and the rest as JSON. Within a transaction."""
    archive.connection().execute(
        "INSERT INTO relay_state (relay_id, listing, known_to, heartbeat_ms, pull_url, report, runs, data, sure, doubted) "
        "VALUES (?, 0, 0, ?, ?, ?, 0, 0, 0, 0) ON CONFLICT (relay_id) DO UPDATE SET heartbeat_ms = excluded.heartbeat_ms, "
        "pull_url = excluded.pull_url, "
        "report = excluded.report",
        (relay_id, now_ms, pull_url, report),
    )


@dataclass(frozen=True, slots=True)
class Said:
    """A relay's last heartbeat: where it can be reached from here (empty: nowhere) and from where it spoke, when that was (Unix ms;
    0: never) and how many seconds after it the next one comes.
    """

    url: str
    spoke_from: str
    heard_ms: int
    every_s: float

    def is_late(self, now_ms: int) -> bool:
        """Whether the next one should have come."""
        return now_ms - self.heard_ms > 1000 * max(_LATE * self.every_s, self.every_s + _LATE_S)


def said(archive: Archive, relay_id: int) -> Said:
    """What a relay last said."""
    columns = RelayState.pull_url, RelayState.report, RelayState.heartbeat_ms
    query = RelayState.select(*columns).where(RelayState.relay_id == relay_id)
    return said_in(*next(iter(query.tuples().execute(archive.db)), ("", "{}", 0)))


def said_in(pull_url: str, report: str, heartbeat_ms: int) -> Said:
    """The same, of what was kept of it."""
    return said_of(pull_url, json.loads(report), heartbeat_ms)


def said_of(pull_url: str, told: Mapping[str, Any], heartbeat_ms: int) -> Said:
    """The same, of a report that was read."""
    return Said(pull_url, told.get(SPOKE_FROM, ""), heartbeat_ms, float(told.get("every_s", EVERY_S)))


def _overlapping(connection: Connection, relay_id: int, sensor_id: int, epoch: int, first: int, last: int) -> list[Run]:
    rows = connection.execute(
        f"SELECT first_seq, last_seq, first_s, step_s FROM holding WHERE {_OF} AND first_seq <= ? ORDER BY first_seq DESC",  # noqa: S608  # nosec B608  # names of ours, values are bound
        (sensor_id, relay_id, epoch, last),
    )
    found: list[Run] = []
    for first_seq, last_seq, first_s, step_s in rows:
        if last_seq < first:
            break  # runs do not overlap each other: those before it end earlier still
        found.append((sensor_id, epoch, first_seq, last_seq - first_seq + 1, first_s, step_s))
    return found


def _cut(connection: Connection, relay_id: int, sensor_id: int, epoch: int, first: int, last: int) -> tuple[int, int]:
    """How many runs and data the index has less then."""
    runs = data = 0
    for run in _overlapping(connection, relay_id, sensor_id, epoch, first, last):
        left = without(run, first, last)
        _drop(connection, relay_id, run)
        _put(connection, relay_id, left)
        runs, data = runs + 1 - len(left), data + run[3] - sum(one[3] for one in left)
    return runs, data


def _add(connection: Connection, relay_id: int, run: Run) -> tuple[int, int]:
    """How many runs and data the index has more then."""
    runs = data = 0
    sensor_id, epoch, first, count, first_s, step_s = run
    for other in _overlapping(connection, relay_id, sensor_id, epoch, max(0, first - 1), first + count - 1):
        _, _, other_first, other_count, other_s, other_step = other
        _drop(connection, relay_id, other)
        runs, data = runs - 1, data - other_count
        gap_s = first_s - (other_s + (other_count - 1) * other_step)
        if (
            other_first + other_count == first
            and gap_s >= 0
            and (other_count == 1 or other_step == gap_s)
            and (count == 1 or step_s == gap_s)
        ):
            first, count, first_s, step_s = other_first, other_count + count, other_s, gap_s
        else:
            left = without(other, first, first + count - 1)
            _put(connection, relay_id, left)
            runs, data = runs + len(left), data + sum(one[3] for one in left)
    _put(connection, relay_id, [(sensor_id, epoch, first, count, first_s, step_s)])
    return runs + 1, data + count


def _drop(connection: Connection, relay_id: int, run: Run) -> None:
    connection.execute(f"DELETE FROM holding WHERE {_OF} AND first_seq = ?", (run[0], relay_id, *run[1:3]))  # noqa: S608  # nosec B608  # names of ours, values are bound


def _put(connection: Connection, relay_id: int, runs: Iterable[Run]) -> None:
    connection.executemany(
        "INSERT INTO holding (sensor_id, relay_id, epoch, first_seq, last_seq, first_s, step_s) VALUES (?, ?, ?, ?, ?, ?, ?)",
        [(run[0], relay_id, run[1], run[2], run[2] + run[3] - 1, run[4], run[5]) for run in runs],
    )
