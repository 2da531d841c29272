"""What a relay has on disk, and the same in memory: frames, replay state, keys. One SQLite file, WAL, synchronous=FULL.

Every change is one transaction, and memory follows after it succeeded, both under `lock`: so what the ingest thread and the
forwarder see is what is on disk. Rows are deleted only with a receipt, in the transaction that writes their data ids into Seen.
"""

import logging
import sqlite3
import threading
from dataclasses import dataclass
from pathlib import Path

import peewee
from gridecho_common.logs import Seldom
from gridecho_common.secrets import private
from gridecho_common.settings import SettingsError
from peewee import SchemaManager, SqliteDatabase

from .holding import Holding, Limits, amount_of
from .ingest import Decision
from .models import SCHEMA_VERSION, TABLES, Held, Note, Outbox, Seen, SensorKey
from .replay import DATA_ID, Replay

log = logging.getLogger(__name__)

_DELETE_AT_ONCE = 2_500  # rows a transaction, so that the ingest thread never waits long for the lock
_HEAD = 16  # as much of a frame as its number of readings and its data id need

StoredKey = tuple[int, int, bytes, bytes]  # sensor id, key id, up, down


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows that go to the remote together: all of one table from the first to the last id."""

    table: type[Held] | type[Outbox]
    ids: list[int]
    frames: list[bytes]


class Ledger:
    """The durable state of one relay. Connections are per thread: each thread that used it calls `close`."""

    def __init__(self, path: Path, limits: Limits) -> None:
        """Opens or makes the file. Raises SettingsError if it cannot be used."""
        self.lock = threading.Lock()
        self.replay = Replay()
        self.held = Replay()  # of the data ids those whose frames are in table held
        self.forwarded = 0
        self.flushes = 0
        self._seldom = Seldom()
        private(path)
        self._db = SqliteDatabase(str(path), pragmas={"journal_mode": "wal", "synchronous": "full"}, timeout=10)
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
            self._write_note("schema", str(SCHEMA_VERSION))

    def _load(self, limits: Limits) -> Holding:
        seen = [(bytes(key), bytes(runs)) for key, runs in Seen.select().tuples().execute(self._db)]
        for key, runs in seen:
            self.replay.load(key, runs)
        for key, _ in seen:
            if not self.replay.knows(key):
                Seen.delete().where(Seen.key == key).execute(self._db)
        amounts = []
        for table in ("held", "outbox"):
            rows = self._connection.execute(
                f"SELECT id, length(frame), substr(frame, 1, {_HEAD}) FROM {table} ORDER BY id"  # noqa: S608
            )
            amount = []
            for frame_id, size, head in rows:
                self.replay.add(head[DATA_ID])
                if table == "held":
                    self.held.add(head[DATA_ID])
                amount.append((frame_id, size, head[3]))
            amounts.append(amount)
        return Holding.restore(limits, int(self._note("flush_to") or 0), *amounts)

    @property
    def _connection(self) -> sqlite3.Connection:
        connection: sqlite3.Connection = self._db.connection()  # type: ignore[no-untyped-call]
        return connection

    def find_held(self, data_ids: set[bytes]) -> list[tuple[int, int, int]]:
        """(id, bytes, readings) of the rows with these data ids that no flush takes along. The caller holds `lock`.

        It reads the newest rows first and ends with the last one found: what a sensor tags anew came a short while ago. A data id
        is looked for once, so that a datagram that somebody replays costs nothing.
        """
        sought = {data_id for data_id in data_ids if data_id in self.held}
        if not sought:
            return []
        for data_id in sought:
            self.held.discard(data_id)
        found = []
        try:
            rows = self._connection.execute(
                f"SELECT id, length(frame), substr(frame, 1, {_HEAD}) FROM held WHERE id > ? ORDER BY id DESC",  # noqa: S608
                (self.holding.flush_to,),
            )
            for frame_id, size, head in rows:
                if head[DATA_ID] in sought:
                    found.append((frame_id, size, head[3]))
                    if len(found) == len(sought):
                        break
            rows.close()
        except (sqlite3.OperationalError, peewee.OperationalError) as error:
            if self._seldom.now("find"):
                log.error("find-failed error=%s; what was tagged anew goes with the next flush", error)
            return []
        return found

    def insert(self, decision: Decision) -> bool:
        """Commits what was decided, durably; False if the disk would not take it. The caller holds `lock`."""
        if not decision:
            return True
        connection = self._connection
        try:
            connection.execute("BEGIN IMMEDIATE")
            if decision.held:
                connection.executemany("INSERT INTO held (id, frame) VALUES (?, ?)", decision.held)
            if decision.outbox:
                connection.executemany("INSERT INTO outbox (id, frame) VALUES (?, ?)", decision.outbox)
            if decision.promoted:
                # The frame that was acknowledged, not the new one: only the remote can tell whether they say the same.
                move = "INSERT INTO outbox (id, frame) SELECT ?, frame FROM held WHERE id = ?"
                connection.executemany(move, decision.promoted)
                connection.executemany("DELETE FROM held WHERE id = ?", [(row,) for _, row in decision.promoted])
            if decision.after.flush_to != self.holding.flush_to:
                self._write_note("flush_to", str(decision.after.flush_to))
            connection.execute("COMMIT")
        except (sqlite3.OperationalError, peewee.OperationalError) as error:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            if self._seldom.now("commit"):
                log.error("commit-failed error=%s; sensors are told busy", error)
            return False
        for _, frame in decision.held:
            self.held.add(frame[DATA_ID])
        self.holding = decision.after
        return True

    def flush_all(self) -> None:
        """Everything held is to go to the remote now."""
        with self.lock:
            after = self.holding.copy()
            after.flush_all()
            if not after.flushing:
                self.flushes += 1
                return
            try:
                self._write_note("flush_to", str(after.flush_to))
            except peewee.OperationalError as error:
                log.error("flush-failed error=%s", error)
                return
            self.holding = after

    def next_batch(self, most: int) -> Batch | None:
        """What is to go to the remote next: SEND frames first, then the store if it is being flushed."""
        flush_to = self.holding.flush_to
        for table, last in ((Outbox, (1 << 63) - 1), (Held, flush_to)):
            rows = self._connection.execute(
                f"SELECT id, frame FROM {table._meta.table_name} WHERE id <= ? ORDER BY id LIMIT ?",  # noqa: S608
                (last, most),
            ).fetchall()
            if rows:
                return Batch(table, [row[0] for row in rows], [row[1] for row in rows])
        return None

    def delete(self, batch: Batch) -> None:
        """Deletes what the remote gave a receipt for; what an error leaves here is in the next batch again."""
        for at in range(0, len(batch.ids), _DELETE_AT_ONCE):
            ids = batch.ids[at : at + _DELETE_AT_ONCE]
            frames = batch.frames[at : at + _DELETE_AT_ONCE]
            with self.lock:
                after = self.holding.copy()
                (after.sent if batch.table is Outbox else after.flushed)(amount_of(frames))
                with self._db.atomic("IMMEDIATE"):
                    table = batch.table
                    table.delete().where(table.id.between(ids[0], ids[-1])).execute(self._db)
                    runs = self.replay.packed(frame[DATA_ID] for frame in frames)
                    for first in range(0, len(runs), 1000):
                        rows = Seen.insert_many(runs[first : first + 1000], [Seen.key, Seen.runs])
                        rows.on_conflict_replace().execute(self._db)
                    if after.flush_to != self.holding.flush_to:
                        self._write_note("flush_to", str(after.flush_to))
                if self.holding.flushing and not after.flushing:
                    self.flushes += 1
                if table is Held:
                    for frame in frames:
                        self.held.discard(frame[DATA_ID])
                self.holding = after
                self.forwarded += len(ids)

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
        Note.insert(name=name, value=value).on_conflict_replace().execute(self._db)
