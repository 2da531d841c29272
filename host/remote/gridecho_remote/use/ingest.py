"""Taking in a relay's batch: open every frame, store every datum exactly once, and sign for it after the commit.

The same data id with the same content is known, whoever brings it and however it is tagged; with other content it is a clone
and goes to quarantine, as does what cannot be opened, and what comes again while the block that it is in cannot be read. The
receipt covers that too, also where a sender has filled its share of the quarantine (quarantine.py): so none keeps another back.
"""

import logging
from collections.abc import Iterable
from hashlib import sha256
from typing import Any

from gridecho import keys, relay_keys
from gridecho.batch import Receipt, batch_sender, read_batch
from gridecho.crypto import Cmac, Siv
from gridecho.errors import AuthError
from gridecho_common.logs import Seldom

from ..rules.days import Days
from ..rules.errors import StorageFullError
from ..store import data, quarantine
from ..store.database import Archive
from ..store.engine import Connection
from ..store.enrol import relay_secret, sensor_roots
from ..store.holdings import forget
from ..store.orders import take_states
from ..store.quarantine import CLONE, UNCOMPARED, UNTRUE, Strange
from .opening import Opened, open_frames, runs_of

log = logging.getLogger("gridecho.remote.ingest")

_MAX_CACHED = 200_000
_AGAIN = 1_000  # quarantined frames a transaction
_ROUTE_FIELDS = "sensor_id, epoch, seq, item, time_s, relay_id, rtt_us"


class Ingest:
    """Takes batches for one archive; any thread may call it. Key objects are kept until an enrolment changes them."""

    def __init__(self, archive: Archive, days: Days, min_free_bytes: int = 0, max_quarantined: int = 100_000) -> None:
        self._archive = archive
        self.days = days
        self._min_free_bytes = min_free_bytes
        self._max_quarantined = max_quarantined
        self._keys_version = -1
        self._sivs: dict[tuple[int, int], list[Siv]] = {}
        self._macs: dict[int, tuple[Cmac, Cmac]] = {}
        self._seen: dict[int, tuple[int, int]] = {}  # what the sensors' rows are known to say
        self._brought: set[tuple[int, int]] = set()  # (sensor id, relay id) that are known to be there
        self._seldom = Seldom()

    def take(self, body: bytes, now_ms: int) -> bytes:
        """The receipt for a batch that is now stored. `now_ms` is the time of arrival.

        Raises FrameError for what is no batch, AuthError for an unknown relay or a MAC that is not its own, StorageFullError.
        """
        relay_id = batch_sender(body)
        batch_mac, receipt_mac = self.macs(relay_id)
        batch_id, frames = read_batch(body, batch_mac)
        self.require_room()
        stored, known, strange = self._store(frames, open_frames(frames, self._sivs_of), relay_id, now_ms)
        quarantined = len(strange)
        if quarantined and self._seldom.now(f"quarantined {relay_id}"):
            log.warning("quarantined relay=%d frames=%d reason=%r", relay_id, quarantined, strange[0].reason)
        log.debug("batch relay=%d stored=%d known=%d quarantined=%d", relay_id, stored, known, quarantined)
        return Receipt(relay_id, batch_id, stored, known, quarantined).pack(receipt_mac)

    def require_room(self) -> None:
        """Raises StorageFullError if the database's disk has less free than `min_free_mb`."""
        free_bytes = self._archive.engine.free_bytes() if self._min_free_bytes else None
        if free_bytes is not None and free_bytes < self._min_free_bytes:
            raise StorageFullError

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
        strange = {place for _, place in open_frames([frame for _, frame in frames], self._sivs_of).strange}
        opening = [one for place, one in enumerate(frames) if place not in strange]
        if not opening:
            return 0
        again = [frame for _, frame in opening]
        opened = open_frames(again, self._sivs_of)
        stored, known, _ = self._store(again, opened, relay_id, now_ms, [i for i, _ in opening])
        return stored + known

    def _drop_stale_keys(self) -> None:
        version = self._archive.keys_version
        if version != self._keys_version or len(self._sivs) > _MAX_CACHED:
            self._sivs = {}
            self._macs = {}
            self._seen = {}
            self._brought = set()
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
        # Another thread may begin a new one meanwhile; what was read before an enrolment must not get there.
        cache = self._sivs
        try:
            return cache[sensor]
        except KeyError:
            sivs = [Siv(keys.siv_key(root, *sensor)) for root in sensor_roots(self._archive, *sensor)]
            cache[sensor] = sivs
            return sivs

    def _store(
        self, frames: list[bytes], opened: Opened, relay_id: int, now_ms: int, released: Iterable[int] = ()
    ) -> tuple[int, int, list[Strange]]:
        """(stored, known, what is quarantined); rows `released` leave quarantine. One transaction, after those that tell sensors'
        rows what is to come.
        """
        while True:
            with self._archive.writing() as connection:
                connection.lock("relay", [relay_id])
                connection.lock("sensor", sorted(set(opened.data.sensor_ids.tolist())))
                new = data.new_of(connection, opened.data, relay_id, now_ms, self.days)
                seen = self._untold(new.seen)
                if not seen:
                    done = self._put(connection, frames, opened, new, relay_id, now_ms, released)
                    break
                # First and for itself: the data may lie on other servers, and are never there without being told of.
                data.tell(connection, seen)
            self._seen.update(seen)
        self._brought.update((sensor_id, relay_id) for sensor_id in _sensors_of(opened, _apart(new)))
        return done

    def _put(
        self,
        connection: Connection,
        frames: list[bytes],
        opened: Opened,
        new: data.New,
        relay_id: int,
        now_ms: int,
        released: Iterable[int],
    ) -> tuple[int, int, list[Strange]]:
        """What `_store` does and gives, in its transaction."""
        if released:
            connection.executemany("DELETE FROM quarantine WHERE id = ?", [(row_id,) for row_id in released])
            quarantine.recount(connection, [relay_id], now_ms)
        forget(connection, relay_id, runs_of(opened.heads))
        data.put(connection, new)
        apart = _apart(new)
        connection.insert("route", _ROUTE_FIELDS, [row for n, row in opened.routed if n not in apart])
        if opened.told:
            take_states(self._archive, [row for n, row in opened.told if n not in apart])
        more = [(sensor_id, relay_id) for sensor_id in _sensors_of(opened, apart)]
        more = [pair for pair in more if pair not in self._brought]
        if more:
            connection.insert("bringer", "sensor_id, relay_id", more)
        self._set_aside_states(
            connection, [n for n in opened.untrue if n not in apart], frames, opened, relay_id, now_ms
        )
        places = opened.strange + [(CLONE, opened.places[n]) for n in new.clones]
        places += [(UNCOMPARED, opened.places[n]) for n in new.uncompared]
        strange = [_strange(reason, frames[n], opened.heads[n]) for reason, n in places]
        if strange:
            left = quarantine.put(connection, relay_id, strange, self._max_quarantined, now_ms)
            if left and self._seldom.now(f"share {relay_id}"):
                log.error("quarantine-full relay=%d frames=%d; these are only counted, and signed for", relay_id, left)
        known = len(opened.places) - new.count - len(new.clones) - len(new.uncompared)
        return new.count, known, strange

    def _set_aside_states(
        self, connection: Connection, untrue: list[int], frames: list[bytes], opened: Opened, relay_id: int, now_ms: int
    ) -> None:
        by_sensor: dict[int, list[int]] = {}
        for n in untrue:
            by_sensor.setdefault(int(opened.data.sensor_ids[n]), []).append(n)
        for sensor_id, some in sorted(by_sensor.items()):
            digest = sha256(frames[opened.places[some[-1]]]).digest()
            quarantine.count_aside(connection, relay_id, sensor_id, UNTRUE, len(some), digest, now_ms)
            if self._seldom.now(f"untrue {sensor_id}"):
                log.warning("state-set-aside sensor=%d relay=%d data=%d", sensor_id, relay_id, len(some))

    def _untold(self, seen: dict[int, tuple[int, int]]) -> dict[int, tuple[int, int]]:
        """What the sensors' rows are not known to say, with what they are known to say."""
        more = {}
        for sensor_id, (mask, levels) in seen.items():
            known_mask, known_levels = self._seen.get(sensor_id, (0, 0))
            both = mask | known_mask, levels | known_levels
            if both != (known_mask, known_levels):
                more[sensor_id] = both
        return more


def _apart(new: data.New) -> set[int]:
    """The places of data of which nothing counts: neither what they measured nor what they tell."""
    return {*new.clones, *new.uncompared}


def _sensors_of(opened: Opened, apart: set[int]) -> list[int]:
    """The sensors of the other data, in order."""
    sensor_ids = opened.data.sensor_ids
    if apart:
        sensor_ids = sensor_ids[[n for n in range(len(sensor_ids)) if n not in apart]]
    return sorted(set(sensor_ids.tolist()))


def _strange(reason: str, frame: bytes, head: Any) -> Strange:
    return Strange(reason, frame, int(head["sensor_id"]), int(head["epoch"]), int(head["seq"]))
