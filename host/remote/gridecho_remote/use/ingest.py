"""Taking in a relay's batch: open every frame, store every datum exactly once, and sign for it after the commit.

The same data id with the same content is known, whoever brings it and however it is tagged; with other content it is a clone
and goes to quarantine, as does what cannot be opened: the remote has it then, so the receipt covers it.
"""

import logging
import struct
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from gridecho import keys, relay_keys
from gridecho.batch import Receipt, batch_sender, read_batch
from gridecho.crypto import Cmac, Siv
from gridecho.errors import AuthError, ProtocolError
from gridecho.frames import DataHeader
from gridecho.intake import sender_of, unseal
from gridecho.quantities import FIRST_STATE_CODE, ROUTE_RELAY, ROUTE_RTT
from gridecho.readings import decode, mask_of

from ..rules.errors import StorageFullError
from ..rules.levels import UNDATED, extent_of
from ..store.database import Archive
from ..store.engine import Connection
from ..store.enrol import relay_secret, sensor_roots
from ..store.holdings import DataId, forget
from ..store.orders import take_states

log = logging.getLogger("gridecho.remote.ingest")

UNKNOWN_SENSOR, UNOPENABLE, CLONE = "unknown sensor", "does not open", "same data id, other content"
_MAX_CACHED = 200_000
_AGAIN = 1_000  # quarantined frames a transaction
_FIELDS = "sensor_id, epoch, seq, count, mask, time_s, first_s, last_s, level, undated, op, relay_id, stored_ms, body"
_COUNT, _TIME, _BODY = 3, 5, 13
_ROUTE_FIELDS = "sensor_id, epoch, seq, item, time_s, relay_id, rtt_us"
_QUARANTINE_FIELDS = "digest, reason, relay_id, sensor_id, epoch, seq, frame, stored_ms"

Row = tuple[Any, ...]


@dataclass
class _Opened:
    """A batch's frames, sorted out. `frames` are beside `rows`; a route or a state names its row by number."""

    rows: list[Row] = field(default_factory=list)
    frames: list[bytes] = field(default_factory=list)
    routes: list[tuple[int, Row]] = field(default_factory=list)
    states: list[tuple[int, Row]] = field(default_factory=list)
    strange: list[tuple[str, bytes]] = field(default_factory=list)
    seen: dict[int, tuple[int, int]] = field(default_factory=dict)  # sensor: mask, length classes


class Ingest:
    """Takes batches for one archive; any thread may call it. Key objects are kept until an enrolment changes them."""

    def __init__(self, archive: Archive, min_free_bytes: int = 0, max_quarantined: int = 100_000) -> None:
        self._archive = archive
        self._min_free_bytes = min_free_bytes
        self._max_quarantined = max_quarantined
        self._keys_version = -1
        self._sivs: dict[tuple[int, int], list[Siv]] = {}
        self._macs: dict[int, tuple[Cmac, Cmac]] = {}
        self._seen: dict[int, tuple[int, int]] = {}  # what the sensors' rows are known to say

    def take(self, body: bytes, now_ms: int) -> bytes:
        """The receipt for a batch that is now stored. `now_ms` is the time of arrival.

        Raises FrameError for what is no batch, AuthError for an unknown relay or a MAC that is not its own, StorageFullError.
        """
        relay_id = batch_sender(body)
        batch_mac, receipt_mac = self.macs(relay_id)
        batch_id, frames = read_batch(body, batch_mac)
        free_bytes = self._archive.engine.free_bytes() if self._min_free_bytes else None
        if free_bytes is not None and free_bytes < self._min_free_bytes:
            raise StorageFullError
        opened = self._open(frames, relay_id, now_ms)
        stored, known = self._store(opened, relay_id, now_ms)
        quarantined = len(opened.strange)
        if quarantined:
            log.warning("quarantined relay=%d frames=%d reason=%r", relay_id, quarantined, opened.strange[0][0])
        log.debug("batch relay=%d stored=%d known=%d quarantined=%d", relay_id, stored, known, quarantined)
        return Receipt(relay_id, batch_id, stored, known, quarantined).pack(receipt_mac)

    def take_again(self, now_ms: int) -> int:
        """Stores the quarantined frames that open now, for their sensor or key was enrolled later: how many these are."""
        self._drop_stale_keys()
        rows = self._archive.connection().execute("SELECT id, relay_id FROM quarantine WHERE reason != ?", (CLONE,))
        waiting = rows.fetchall()
        taken = 0
        for relay_id in sorted({relay_id for _, relay_id in waiting}):
            ids = [row_id for row_id, one in waiting if one == relay_id]
            for at in range(0, len(ids), _AGAIN):
                taken += self._take_again(ids[at : at + _AGAIN], relay_id, now_ms)
        return taken

    def _take_again(self, ids: list[int], relay_id: int, now_ms: int) -> int:
        connection = self._archive.connection()
        query = "SELECT frame FROM quarantine WHERE id = ?"
        frames = [(i, connection.execute(query, (i,)).fetchone()[0]) for i in ids]
        opening = [(i, frame) for i, frame in frames if not self._open([frame], relay_id, now_ms).strange]
        if not opening:
            return 0
        opened = self._open([frame for _, frame in opening], relay_id, now_ms)
        stored, known = self._store(opened, relay_id, now_ms, [i for i, _ in opening])
        return stored + known

    def _drop_stale_keys(self) -> None:
        version = self._archive.keys_version
        if version != self._keys_version or len(self._sivs) > _MAX_CACHED:
            self._sivs = {}
            self._macs = {}
            self._seen = {}
            self._keys_version = version

    def macs(self, relay_id: int) -> tuple[Cmac, Cmac]:
        """The MACs of a relay's batches and of the receipts for it. Raises AuthError if it is not enrolled."""
        self._drop_stale_keys()
        cache = self._macs  # as below
        macs = cache.get(relay_id)
        if macs is None:
            secret = relay_secret(self._archive, relay_id)
            if secret is None:
                raise AuthError("batch", "from a relay that is not enrolled")
            macs = Cmac(relay_keys.batch_key(secret, relay_id)), Cmac(relay_keys.receipt_key(secret, relay_id))
            cache[relay_id] = macs
        return macs

    def _sivs_of(self, sensor: tuple[int, int]) -> list[Siv]:
        """Newest key first; none if the sensor is unknown."""
        cache = (
            self._sivs
        )  # another thread may begin a new one meanwhile; what was read before an enrolment must not get there
        try:
            return cache[sensor]
        except KeyError:
            sivs = [Siv(keys.siv_key(root, *sensor)) for root in sensor_roots(self._archive, *sensor)]
            cache[sensor] = sivs
            return sivs

    def _open(self, frames: list[bytes], relay_id: int, now_ms: int) -> _Opened:
        out = _Opened()
        for frame in frames:
            sivs = self._sivs_of(sender_of(frame))
            if not sivs:
                out.strange.append((UNKNOWN_SENSOR, frame))
                continue
            try:
                header, body = _unseal(frame, sivs)
                readings = decode(body, header.count, header.time_s)
            except ProtocolError:
                out.strange.append((UNOPENABLE, frame))
                continue
            mask = mask_of(readings[0].values)
            first_s, last_s, level, undated = extent_of([reading.time_s for reading in readings])
            sensor_id = header.sensor_id
            out.rows.append(
                (
                    sensor_id, header.epoch, header.seq, header.count, mask, header.time_s, first_s, last_s,
                    level, undated, header.op, relay_id, now_ms, body,
                )
            )  # fmt: skip
            out.frames.append(frame)
            if mask >> FIRST_STATE_CODE:
                n = len(out.rows) - 1
                out.routes += [
                    (n, (sensor_id, header.epoch, header.seq, i, r.time_s, r.values[ROUTE_RELAY], r.values[ROUTE_RTT]))
                    for i, r in enumerate(readings)
                    if ROUTE_RELAY in r.values and ROUTE_RTT in r.values
                ]
                out.states += [
                    (n, (sensor_id, code, value, header.epoch, header.seq, i, r.time_s))
                    for i, r in enumerate(readings)
                    for code, value in r.values.items()
                    if code >= FIRST_STATE_CODE
                ]
            seen_mask, levels = out.seen.get(sensor_id) or self._seen.get(sensor_id, (0, 0))
            both = mask | seen_mask, levels | (1 << level if level != UNDATED else 0)
            if both != (seen_mask, levels):
                out.seen[sensor_id] = both
        return out

    def _store(self, opened: _Opened, relay_id: int, now_ms: int, released: Iterable[int] = ()) -> tuple[int, int]:
        """(stored, known); clones join `opened.strange`, rows `released` leave quarantine. One transaction, committed at return."""
        rows = sorted(opened.rows)
        data_ids = [row[:3] for row in rows]
        if opened.strange:
            data_ids = sorted({*data_ids, *(_data_id(frame) for _, frame in opened.strange)})
        with self._archive.writing() as connection:
            run = connection.executemany
            connection.lock("relay", [relay_id])
            connection.lock("sensor", sorted({row[0] for row in rows}))
            run("DELETE FROM quarantine WHERE id = ?", [(row_id,) for row_id in released])
            forget(connection, relay_id, data_ids)
            stored = connection.insert("datum", _FIELDS, rows)
            clones = _clones(connection, opened) if stored < len(opened.rows) else set()
            opened.strange += [(CLONE, opened.frames[n]) for n in clones]
            connection.insert("route", _ROUTE_FIELDS, [row for n, row in opened.routes if n not in clones])
            if opened.states:
                take_states(self._archive, [row for n, row in opened.states if n not in clones])
            run(
                "UPDATE sensor SET seen_mask = seen_mask | ?, levels = levels | ? WHERE id = ?",
                [(mask, levels, sensor_id) for sensor_id, (mask, levels) in opened.seen.items()],
            )
            if opened.strange:
                (held,) = connection.execute("SELECT COUNT(*) FROM quarantine").fetchone()
                if held + len(opened.strange) > self._max_quarantined:
                    raise StorageFullError
                strange = sorted(_quarantined(reason, frame, relay_id, now_ms) for reason, frame in opened.strange)
                connection.insert("quarantine", _QUARANTINE_FIELDS, strange)
        self._seen.update(opened.seen)
        return stored, len(opened.rows) - stored - len(clones)


def _unseal(frame: bytes, sivs: list[Siv]) -> tuple[DataHeader, bytes]:
    for siv in sivs[:-1]:
        with suppress(AuthError):
            return unseal(frame, siv)
    return unseal(frame, sivs[-1])


def _clones(connection: Connection, opened: _Opened) -> set[int]:
    """The rows whose data id stands for other content in the database."""
    query = "SELECT count, time_s, body FROM datum WHERE sensor_id = ? AND epoch = ? AND seq = ?"
    return {
        n
        for n, row in enumerate(opened.rows)
        if connection.execute(query, row[:3]).fetchone() != (row[_COUNT], row[_TIME], row[_BODY])
    }


def _data_id(frame: bytes) -> DataId:
    sensor_id, epoch, seq = struct.unpack_from(">III", frame, 4)
    return sensor_id, epoch, seq


def _quarantined(reason: str, frame: bytes, relay_id: int, now_ms: int) -> Row:
    return sha256(frame).digest(), reason, relay_id, *_data_id(frame), frame, now_ms
