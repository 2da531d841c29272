"""What a relay makes of datagrams: which frames to commit, and which replies to send after that. No socket, no clock, no file.

A driver drains its socket, `take`s the group, sends at once what needs no commit, commits, and calls `settle`, which gives
the other replies. What is not authenticated gets no reply and is counted by reason.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gridecho import frames, intake
from gridecho.crypto import Cmac, same
from gridecho.errors import AuthError, FrameError
from gridecho.frames import MAX_DATAGRAM, MIN_DATA, SEND, STORE, TAG_BYTES
from gridecho.orders import Fetch, read_fetch

from .holding import Holding
from .replay import DATA_ID, Replay
from .shelf import Shelf

JUNK, WRONG_VERSION, UNKNOWN_SENSOR, BAD_TAG = "junk", "wrong_version", "unknown_sensor", "bad_tag"

_FIRST = frames.VERSION << 4 | frames.DATA
_ACK = frames.VERSION << 4 | frames.ACK
_NACK = frames.VERSION << 4 | frames.NACK

_ACKS = [bytes((_ACK, frames.OK, key_id, 0)) for key_id in range(256)]  # the first bytes, by key id

_NOBODY: tuple[int, Any] = -1, None

Reply = tuple[int, bytes]  # the place of the request in its group, and the datagram


@dataclass(frozen=True, slots=True)
class Link:
    """The keyed MACs between one sensor and this relay, one for each direction."""

    up: Cmac
    down: Cmac


Links = Mapping[tuple[int, int], Link]  # by sensor id and key id
_Asked = tuple[int, Link, int, bytes]  # place in the group, link, key id, data id


@dataclass(slots=True)
class Group:
    """What one drained group comes to. `held` and `outbox` are rows to insert, `after` is the holding once they are committed."""

    after: Holding
    taken: int = 0  # datagrams
    held: list[tuple[int, bytes]] = field(default_factory=list)
    outbox: list[tuple[int, bytes]] = field(default_factory=list)
    promoted: list[tuple[int, int]] = field(default_factory=list)  # a held row's id, and the one it has in the outbox
    at_once: list[Reply] = field(default_factory=list)
    wanted: set[bytes] = field(default_factory=set)  # known data ids that came as SEND: some may be held as STORE
    fine: list[_Asked] = field(default_factory=list)  # to be acknowledged after the commit
    full: list[_Asked] = field(default_factory=list)  # no room

    def __bool__(self) -> bool:
        """Whether there is something to commit."""
        return bool(self.held or self.outbox or self.promoted)

    @property
    def waiting(self) -> int:
        """How many datagrams wait for an answer."""
        return len(self.fine) + len(self.full)


class Ingest:
    """One relay's side of the link. `links`, and `looked_at`, the sensors at which somebody looks, may be replaced at any time."""

    def __init__(self, relay_id: int, replay: Replay, busy_retry_s: int, shelf: Shelf | None = None) -> None:
        self.refused: Counter[str] = Counter({JUNK: 0, WRONG_VERSION: 0, UNKNOWN_SENSOR: 0, BAD_TAG: 0})
        self.acked = self.duplicates = self.busy = self.echoed = self.pieces = 0
        self.over_share = 0  # of the busy: the sensor had its share, and others had room
        self.greedy = 0  # the last sensor for which that was so
        self._relay_id = relay_id
        self._replay = replay
        self._busy_retry_s = busy_retry_s
        self._shelf = Shelf() if shelf is None else shelf
        self.looked_at = frozenset()
        self.links = {}

    @property
    def looked_at(self) -> frozenset[int]:
        """The sensors at which somebody looks."""
        return self._looked_at

    @looked_at.setter
    def looked_at(self, sensors: frozenset[int]) -> None:
        self._looked_at = sensors
        # As a datagram says them; a number that no sensor can have is in none.
        self._seen = frozenset(one.to_bytes(4, "big") for one in sensors if 0 <= one < 1 << 32)

    @property
    def links(self) -> Links:
        """The keys of all sensors that may use this relay."""
        return self._links

    @links.setter
    def links(self, links: Links) -> None:
        self._links = links
        # By what a datagram says as it stands. A sensor hardly ever has two keys; then the higher one is found here.
        self._by_sensor = {
            sensor_id.to_bytes(4, "big"): (key_id, links[sensor_id, key_id]) for sensor_id, key_id in sorted(links)
        }

    def take(self, datagrams: Sequence[bytes], utc_ms: int, group: Group) -> None:
        """Adds datagrams to a group. New data ids are in the replay state from here on: `settle` takes them out if need be."""
        by_sensor, add, refused, seen = self._by_sensor.get, self._replay.add, self.refused, self._seen
        after, fine, held = group.after, group.fine, group.held
        after.sensors = max(1, len(self._by_sensor))
        easy, next_id = after.easy()
        for place, datagram in enumerate(datagrams, group.taken):
            key_id, link = by_sensor(datagram[4:8], _NOBODY)
            if (
                link is None
                or key_id != datagram[2]
                or datagram[0] != _FIRST
                or not MIN_DATA <= len(datagram) <= MAX_DATAGRAM
            ):
                other = self._take_other(place, datagram, group, utc_ms)
                if other is None:
                    continue
                link = other
            frame = datagram[:-TAG_BYTES]
            if not same(link.up.tag(frame)[:TAG_BYTES], datagram[-TAG_BYTES:]):
                refused[BAD_TAG] += 1
                continue
            op, readings = frame[1], frame[3]
            if intake.header_problem(frame) is not None:
                refused[JUNK] += 1
                continue
            data_id = frame[DATA_ID]
            if seen and data_id[:4] in seen:
                op = SEND  # its sensor has not heard yet that somebody looks
            if not add(data_id):
                self.duplicates += 1
                if op == SEND:
                    group.wanted.add(data_id)
            elif op == STORE and len(frame) <= easy:
                easy -= len(frame)
                held.append((next_id, frame))
                next_id += 1
            else:
                after.admit_easy(held, next_id)
                frame_id = after.admit(op, len(frame), readings, frame[4:8])
                easy, next_id = after.easy()
                if not frame_id:
                    if after.has_room(op, len(frame)):
                        self.over_share += 1
                        self.greedy = int.from_bytes(frame[4:8], "big")
                    self._replay.discard(data_id)
                    group.full.append((place, link, datagram[2], data_id))
                    continue
                (held if op == STORE else group.outbox).append((frame_id, frame))
            fine.append((place, link, datagram[2], data_id))
        after.admit_easy(held, next_id)
        group.taken += len(datagrams)

    def settle(self, group: Group, utc_ms: int, *, committed: bool) -> list[Reply]:
        """The replies of all that waited. ACK for what is on disk now, NACK busy for the rest."""
        fine, full = group.fine, group.full
        if not committed:
            for rows in (group.held, group.outbox):
                for _, frame in rows:
                    self._replay.discard(frame[DATA_ID])
            fine, full = [], fine + full
        self.acked += len(fine)
        self.busy += len(full)
        end = utc_ms.to_bytes(8, "big") + self._relay_id.to_bytes(4, "big")
        is_plain = not len(self._shelf) and not self.looked_at
        replies = []
        for place, link, key_id, data_id in fine:
            if is_plain:
                body = _ACKS[key_id] + data_id + end
            else:
                body = (
                    bytes((_ACK, self._fine((int.from_bytes(data_id[:4], "big"), key_id)), key_id, 0)) + data_id + end
                )
            replies.append((place, body + link.down.tag(body)[:TAG_BYTES]))
        for place, link, key_id, data_id in full:
            body = bytes((_NACK, frames.BUSY, key_id, self._busy_retry_s)) + data_id + end
            replies.append((place, body + link.down.tag(body)[:TAG_BYTES]))
        return replies

    def _take_other(self, place: int, datagram: bytes, group: Group, utc_ms: int) -> Link | None:
        """Anything but DATA under the present key of a sensor that is known. The link if it is DATA under another key."""
        try:
            kind = frames.kind_of(datagram)
            if kind not in (frames.DATA, frames.PROBE, frames.FETCH):
                raise FrameError("frame", "not for a relay")
            link = self._links.get(intake.sender_of(datagram))
            if link is None:
                self.refused[UNKNOWN_SENSOR] += 1
                return None
            if kind == frames.DATA:
                return link
            reply: bytes | None
            if kind == frames.PROBE:
                reply = self._echo(frames.read_control(datagram, link.up), link, utc_ms)
            else:
                reply = self._piece(read_fetch(datagram, link.up), link, len(datagram))
        except AuthError:
            self.refused[BAD_TAG] += 1
            return None
        except FrameError:
            self.refused[WRONG_VERSION if datagram and datagram[0] >> 4 != frames.VERSION else JUNK] += 1
            return None
        if reply is not None:
            group.at_once.append((place, reply))
        return None

    def _echo(self, probe: frames.Control, link: Link, utc_ms: int) -> bytes:
        self.echoed += 1
        echo = frames.Control(
            frames.ECHO,
            self._fine((probe.sensor_id, probe.key_id)),
            probe.key_id,
            0,
            probe.sensor_id,
            probe.epoch,
            probe.seq,
            utc_ms,
            self._relay_id,
        )
        return echo.pack(link.down)

    def _fine(self, sensor: tuple[int, int]) -> int:
        looked_at = frames.LIVE_WANTED if sensor[0] in self.looked_at else 0
        return frames.OK | looked_at | (frames.ORDER_WAITING if self._shelf.waits(sensor) else 0)

    def _piece(self, fetch: Fetch, link: Link, most_bytes: int) -> bytes | None:
        piece = self._shelf.piece(fetch)
        if piece is None or len(piece) + frames.TAG_BYTES > most_bytes:
            return None
        self.pieces += 1
        return frames.tag(piece, link.down)
