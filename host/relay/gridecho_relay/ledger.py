"""What a relay has on disk, and the same in memory: frames, replay state, keys. One SQLite file, WAL, synchronous=FULL.

Every change is one transaction, and memory follows after it succeeded, both under `lock`: so what the ingest thread and the
forwarder see is what is on disk. Rows are deleted only with a receipt, and after their data ids were written into Seen.
"""

import logging
import sqlite3
import struct
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import peewee
from gridecho.holdings import ANY, fits, wanted
from gridecho_common.clock import MACHINE, Clock
from gridecho_common.logs import Seldom
from gridecho_common.secrets import private
from gridecho_common.settings import SettingsError
from gridecho_common.transactions import transaction
from peewee import SchemaManager, SqliteDatabase

from .holding import Amount, Bytes, Holding, Limits, amount_of, by_sensor
from .ingest import Group
from .models import SCHEMA_VERSION, TABLES, Asked, Held, Note, Outbox, Seen, SensorKey
from .replay import DATA_ID, Replay
from .reserve import Reserve
from .rows import all_heads, insert_rows, next_heads
from .zones import HEAD_BYTES, ZONE_ROWS, Numbers, Run, Want, Zones, runs_of

log = logging.getLogger(__name__)

PRAGMAS = {"journal_mode": "wal", "synchronous": "full"}
# Rows a transaction, so that the ingest thread never waits long for the lock, and the pause in which it gets it.
_DELETE_AT_ONCE = 2_500
_SEEN_AT_ONCE = 250
_PAUSE_S = 0.0005
_MOST_LOOKED_FOR = 1 << 16
_LAST_ID = (1 << 63) - 1

StoredKey = tuple[int, int, bytes, bytes]  # sensor id, key id, up, down


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows that go to the remote together, of one table and in order."""

    table: type[Held] | type[Outbox]
    ids: list[int]
    frames: list[bytes]


class Ledger:
    """The durable state of one relay. Connections are per thread: each thread that used it calls `close`."""

    def __init__(self, path: Path, limits: Limits, clock: Clock = MACHINE) -> None:
        """Opens or makes the file. Raises SettingsError if it cannot be used."""
        self.lock = threading.Lock()
        self._clock = clock
        self.replay = Replay()
        self.forwarded = 0
        self.flushes = 0
        self.overfull = False  # the disk itself had no room for the last group
        self._zones = Zones()
        self._looked_for: dict[bytes, None] = {}  # data ids that are known not to be held as STORE, the oldest first
        self._seldom = Seldom()
        private(path)
        self._reserve = Reserve(path.with_name("relay.reserve"))
        self._db = SqliteDatabase(str(path), pragmas=PRAGMAS, timeout=10)
        try:
            self._open(path)
            self.holding = self._load(limits)
        except (peewee.DatabaseError, sqlite3.DatabaseError) as error:
            raise SettingsError(f"{path}: is not a database that this relay can use ({error})") from None

    def _open(self, path: Path) -> None:
        with self._db.atomic("IMMEDIATE"):
            for table in TABLES:
                SchemaManager(table, self._db).create_all()
            version = self._note("schema")
            if version not in ("", str(SCHEMA_VERSION)):
                raise SettingsError(
                    f"{path}: has schema {version}, this gridecho knows {SCHEMA_VERSION}; update gridecho"
                )
            if not version:
                self._write_note("schema", str(SCHEMA_VERSION))

    def _load(self, limits: Limits) -> Holding:
        seen = [(bytes(key), bytes(runs)) for key, runs in Seen.select().tuples().execute(self._db)]
        for key, runs in seen:
            self.replay.load(key, runs)
        for key, _ in seen:
            if not self.replay.knows(key):
                Seen.delete().where(Seen.key == key).execute(self._db)
        flush_to, last_id = int(self._note("flush_to") or 0), 0
        store, buffer, outbox = Amount(), Amount(), Amount()
        in_buffer: Bytes = {}
        in_outbox: Bytes = {}
        for table in ("held", "outbox"):
            for ids, sizes, heads in all_heads(self._connection, table):
                first_id, last_here = int(ids.min()), int(ids.max())
                last_id = max(last_id, last_here)
                readings = np.frombuffer(heads, np.uint8)[3::HEAD_BYTES]
                late = ids > flush_to if flush_to else np.zeros(len(ids), bool)
                for place, rows in ((outbox, late | True),) if table == "outbox" else ((store, ~late), (buffer, late)):
                    place.take(Amount(int(rows.sum()), int(sizes[rows].sum()), int(readings[rows].sum())))
                    if place is not store:
                        _add_up(in_outbox if place is outbox else in_buffer, heads, sizes, rows)
                runs_here = runs_of(heads)
                for sensor_id, epoch, first_seq, count, _, _ in runs_here:
                    key = sensor_id.to_bytes(4, "big") + epoch.to_bytes(4, "big")
                    self.replay.add_run(key, first_seq, first_seq + count - 1)
                if table == "held":
                    self._zones.put(first_id, last_here, runs_here)
        return Holding.restore(limits, flush_to, store, buffer, outbox, last_id, in_buffer, in_outbox)

    @property
    def _connection(self) -> sqlite3.Connection:
        connection: sqlite3.Connection = self._db.connection()  # type: ignore[no-untyped-call]
        return connection

    def insert(self, group: Group) -> bool:
        """Commits a group, durably; False if the disk would not take it. The caller holds `lock`."""
        if not group:
            return True
        try:
            self._restore_reserve()
            if not self._reserve.whole:
                raise sqlite3.OperationalError("the disk is full")
            with transaction(self._connection) as connection:
                for table, rows in (("held", group.held), ("outbox", group.outbox)):
                    if rows:
                        insert_rows(connection, table, rows)
                if group.after.flush_to != self.holding.flush_to:
                    self._write_note("flush_to", str(group.after.flush_to))
        except sqlite3.OperationalError as error:
            if self._seldom.now("commit"):
                log.error("commit-failed error=%s; sensors are told busy", error)
            self.overfull = not self._reserve.whole or _is_full(error)
            return False
        self.overfull = False
        self.holding = group.after
        for _, frame in group.outbox:
            self._remember(frame[DATA_ID])
        return True

    def promote(self, data_ids: set[bytes]) -> bool:
        """Those of these that are held as STORE, and that no flush takes along, go to the outbox; False if there is none.

        The frame that was acknowledged is moved, not a newer one: only the remote can tell whether they say the same. A data id
        is looked for once, so that a datagram that somebody replays costs nothing. The caller holds `lock`.
        """
        sought = {data_id for data_id in data_ids if data_id not in self._looked_for}
        if not sought:
            return False
        try:
            rows = self._find(sought)
            if rows:
                after = self.holding.copy()
                moved = [(after.promote(len(frame), frame[3], frame[4:8]), row_id) for row_id, frame in rows]
                with transaction(self._connection) as connection:
                    move = "INSERT INTO outbox (id, frame) SELECT ?, frame FROM held WHERE id = ?"
                    connection.executemany(move, moved)
                    connection.executemany("DELETE FROM held WHERE id = ?", [(row_id,) for row_id, _ in rows])
                self.holding = after
        except sqlite3.OperationalError as error:
            if self._seldom.now("promote"):
                log.error("promote-failed error=%s; what was tagged anew goes with the next flush", error)
            return False
        for data_id in sought:
            self._remember(data_id)
        return bool(rows)

    def _find(self, sought: set[bytes]) -> list[tuple[int, bytes]]:
        """(id, frame) of the held rows with these data ids that no flush takes along, the newest rows looked at first."""
        sought = set(sought)
        ids = [struct.unpack(">III", data_id) for data_id in sought]
        wants = [(sensor_id, epoch, seq, seq, 0, ANY) for sensor_id, epoch, seq in ids]
        stretches = [(self._zones.end + 1, _LAST_ID), *reversed(self._zones.where(wants))]
        found = []
        for first_id, last_id in stretches:
            rows = self._connection.execute(
                "SELECT id, frame FROM held WHERE id BETWEEN ? AND ? ORDER BY id DESC",
                (max(first_id, self.holding.flush_to + 1), last_id),
            )
            for frame_id, frame in rows:
                if frame[DATA_ID] in sought:
                    found.append((frame_id, frame))
                    sought.discard(frame[DATA_ID])
                    if not sought:
                        rows.close()
                        return found
        return found

    def _remember(self, data_id: bytes) -> None:
        if len(self._looked_for) >= _MOST_LOOKED_FOR:
            del self._looked_for[next(iter(self._looked_for))]
        self._looked_for[data_id] = None

    def relieve(self) -> bool:
        """A disk that is full counts as a store below its threshold: all goes to the remote. True if that begins now."""
        if not self.overfull or self.holding.flushing or not self.holding.store.frames:
            return False
        self.flush_all()
        return True

    def flush_all(self) -> None:
        """Everything held is to go to the remote now."""
        try:
            self._freeing(self._flush)
        except sqlite3.OperationalError as error:
            log.error("flush-failed error=%s", error)

    def _flush(self) -> int:
        after = self.holding.copy()
        after.flush_all()
        if not after.flushing:
            self.flushes += 1
            return 0
        with transaction(self._connection):
            self._write_note("flush_to", str(after.flush_to))
        self.holding = after
        return after.flush_to

    def next_batch(self, most: int) -> Batch | None:
        """What is to go to the remote next: SEND frames first, then the store if it is being flushed."""
        flush_to = self.holding.flush_to
        for table, last in ((Outbox, _LAST_ID), (Held, flush_to)):
            rows = self._connection.execute(
                f"SELECT id, frame FROM {table._meta.table_name} WHERE id <= ? ORDER BY id LIMIT ?",  # noqa: S608  # nosec B608  # names of ours, values are bound
                (last, most),
            ).fetchall()
            if rows:
                return Batch(table, [row[0] for row in rows], [row[1] for row in rows])
        return None

    def batch_of(self, wants: Sequence[Want], most: int, after_id: int = 0) -> Batch | None:
        """The first `most` held frames that are wanted, of the rows after `after_id` and the oldest first. SEND frames are on
        their way and are not among them.
        """
        sensors = sorted({want[0].to_bytes(4, "big") for want in wants})
        marks = ", ".join("?" for _ in sensors)
        ids, frames = [], []
        for first_id, last_id in [*self._zones.where(wants), (self._zones.end + 1, _LAST_ID)]:
            rows = self._connection.execute(
                f"SELECT id, frame FROM held WHERE id BETWEEN ? AND ? AND substr(frame, 5, 4) IN ({marks}) ORDER BY id",  # noqa: S608  # nosec B608  # names of ours, values are bound
                (max(first_id, after_id + 1), last_id, *sensors),
            )
            for frame_id, frame in rows:
                if wanted(wants, *struct.unpack_from(">IIII", frame, 4)):  # type: ignore[arg-type]
                    ids.append(frame_id)
                    frames.append(frame)
                    if len(ids) == most:
                        rows.close()
                        return Batch(Held, ids, frames)
        return Batch(Held, ids, frames) if ids else None

    def listing_piece(self, after_id: int, most_runs: int) -> tuple[int, list[Run]] | None:
        """(last row id, runs) of what is held in the next rows after `after_id`; None if there are none.

        Rows that an earlier version took in and no index can name are passed over.
        """
        found = next_heads(self._connection, "held", after_id, min(ZONE_ROWS, most_runs))
        if found is None:
            return None
        first_id, last_id, heads = found
        runs = runs_of(heads)
        if last_id > self._zones.end:
            self._zones.put(max(first_id, self._zones.end + 1), last_id, runs)
        return last_id, [run for run in runs if fits(run)]

    def next_listing(self, now_ms: int) -> int:
        """A number for a new listing, higher than any before; on a full disk it is not kept, and the clock alone makes it so."""
        listing = max(now_ms, int(self._note("listing") or 0) + 1)
        try:
            with self.lock, transaction(self._connection):
                self._write_note("listing", str(listing))
        except sqlite3.OperationalError as error:
            log.error("listing-not-kept error=%s", error)
        return listing

    def noted_utc_ms(self) -> int:
        """The UTC of the last `note_utc_ms`, of an earlier process perhaps; 0: there was none."""
        return int(self._note("utc_ms") or 0)

    def note_utc_ms(self, utc_ms: int) -> None:
        """Keeps what time it is now, if the disk takes it."""
        try:
            with self.lock, transaction(self._connection):
                self._write_note("utc_ms", str(utc_ms))
        except sqlite3.OperationalError as error:
            log.error("time-not-kept error=%s", error)

    def asked(self) -> list[tuple[int, int]]:
        """(id, until when it is kept in ms UTC) of the pull requests that were noted, those first that are kept no longer."""
        return list(Asked.select(Asked.id, Asked.until_ms).order_by(Asked.until_ms).tuples().execute(self._db))

    def note_asked(self, pull_id: int, until_ms: int, now_ms: int) -> None:
        """Keeps the id of a pull request, and forgets those whose time is over. Raises OperationalError."""
        with self.lock, transaction(self._connection) as connection:
            connection.execute("DELETE FROM asked WHERE until_ms < ?", (now_ms,))
            connection.execute("INSERT OR REPLACE INTO asked (id, until_ms) VALUES (?, ?)", (pull_id, until_ms))

    def delete(self, batch: Batch) -> int:
        """Deletes what the remote gave a receipt for: how many of the rows were still here. Raises OperationalError; what it
        leaves here is sent again.
        """
        # First of all that they were seen, which is true already: so the deleting itself is short.
        keys = sorted({frame[DATA_ID][:8] for frame in batch.frames})
        for at in range(0, len(keys), _SEEN_AT_ONCE):
            self._freeing(partial(self._write_seen, keys[at : at + _SEEN_AT_ONCE]))
        deleted = 0
        for at in range(0, len(batch.ids), _DELETE_AT_ONCE):
            part = slice(at, at + _DELETE_AT_ONCE)
            deleted += self._freeing(partial(self._delete, batch.table, batch.ids[part], batch.frames[part]))
        return deleted

    def _freeing(self, change: Callable[[], int]) -> int:
        """One transaction of deleting, and what it gives. On a full disk it takes the reserve."""
        with self.lock:
            try:
                done = change()
            except sqlite3.OperationalError as error:
                if not _is_full(error) or not self._reserve.release():
                    raise
                done = change()
            self._restore_reserve()
        self._clock.sleep(_PAUSE_S)  # the lock is not fair: whoever waits for it gets it now
        return done

    def _restore_reserve(self) -> None:
        if self._reserve.due:
            with suppress(sqlite3.OperationalError):
                self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # the log is room as well
            self._reserve.restore()

    def _write_seen(self, keys: list[bytes]) -> int:
        with transaction(self._connection) as connection:
            connection.executemany(
                "INSERT INTO seen (key, runs) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET runs = excluded.runs",
                self.replay.packed(keys),
            )
        return len(keys)

    def _delete(self, table: type[Held] | type[Outbox], ids: list[int], frames: list[bytes]) -> int:
        name = table._meta.table_name
        # A pull and a flush may have had the same rows, or one was promoted meanwhile.
        rows = self._connection.execute(f"SELECT id FROM {name} WHERE id BETWEEN ? AND ?", (ids[0], ids[-1]))  # noqa: S608  # nosec B608  # names of ours, values are bound
        there = {frame_id for (frame_id,) in rows}
        whole = len(there) == len(ids) and there.issuperset(ids)
        here = [(i, frame) for i, frame in zip(ids, frames, strict=True) if whole or i in there]
        after = self.holding.copy()
        if table is Outbox:
            after.sent(amount_of(frame for _, frame in here), by_sensor(frame for _, frame in here))
        else:
            in_store = here if not after.flushing else [row for row in here if row[0] <= after.flush_to]
            in_buffer = here[len(in_store) :]
            after.pulled(
                amount_of(frame for _, frame in in_store),
                amount_of(frame for _, frame in in_buffer),
                by_sensor(frame for _, frame in in_buffer),
            )
        with transaction(self._connection) as connection:
            if whole:
                connection.execute(f"DELETE FROM {name} WHERE id BETWEEN ? AND ?", (ids[0], ids[-1]))  # noqa: S608  # nosec B608  # names of ours, values are bound
            else:
                connection.executemany(f"DELETE FROM {name} WHERE id = ?", [(i,) for i, _ in here])  # noqa: S608  # nosec B608  # names of ours, values are bound
            if after.flush_to != self.holding.flush_to:
                self._write_note("flush_to", str(after.flush_to))
            (least,) = connection.execute("SELECT min(id) FROM held").fetchone()
        if self.holding.flushing and not after.flushing:
            self.flushes += 1
        self._zones.drop_before(after.next_id if least is None else least)
        self.holding = after
        self.forwarded += len(here)
        return len(here)

    def keys(self) -> tuple[int, list[StoredKey]]:
        """(version, keys) as the remote last gave them; version 0 if it never did."""
        rows = SensorKey.select(SensorKey.sensor_id, SensorKey.key_id, SensorKey.up, SensorKey.down)
        return int(self._note("keys_version") or 0), list(rows.tuples().execute(self._db))

    def replace_keys(self, version: int, keys: list[StoredKey]) -> None:
        """Keeps these keys and no others."""
        fields = [SensorKey.sensor_id, SensorKey.key_id, SensorKey.up, SensorKey.down]
        with self.lock, self._db.atomic("IMMEDIATE"):
            SensorKey.delete().execute(self._db)
            for first in range(0, len(keys), 1000):
                SensorKey.insert_many(keys[first : first + 1000], fields).execute(self._db)
            self._write_note("keys_version", str(version))

    def close(self) -> None:
        """Closes this thread's connection."""
        if not self._db.is_closed():
            self._db.close()

    def _note(self, name: str) -> str:
        row = Note.select(Note.value).where(Note.name == name).tuples().execute(self._db)
        values = [str(value) for (value,) in row]
        return values[0] if values else ""

    def _write_note(self, name: str, value: str) -> None:
        self._connection.execute("INSERT OR REPLACE INTO note (name, value) VALUES (?, ?)", (name, value))


def _add_up(whose: Bytes, heads: bytes, sizes: Numbers, rows: np.typing.NDArray[np.bool_]) -> None:
    """Counts the bytes of these rows to their sensors."""
    sensors = np.frombuffer(heads, ">u4").reshape(-1, HEAD_BYTES // 4)[rows, 1]
    numbers, places = np.unique(sensors, return_inverse=True)
    for number, size in zip(numbers.tolist(), np.bincount(places, sizes[rows]).tolist(), strict=True):
        sensor = number.to_bytes(4, "big")
        whose[sensor] = whose.get(sensor, 0) + int(size)


def _is_full(error: Exception) -> bool:
    code: int = getattr(error, "sqlite_errorcode", 0)
    return code & 0xFF in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR)
