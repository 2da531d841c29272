"""What a relay makes of datagrams: which frames to commit, and which replies to send after that. No socket, no clock, no file.

A driver calls `take` for each datagram of a drained group, sends at once what that gives, then `decide`s, commits, and calls
`settle`, which gives the replies. What is not authenticated gets no reply and is counted by reason.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from gridecho import frames, intake
from gridecho.crypto import Cmac
from gridecho.errors import AuthError, FrameError
from gridecho.orders import Fetch, read_fetch

from .holding import Holding
from .replay import DATA_ID, Replay
from .shelf import Shelf

Sender = TypeVar("Sender")

JUNK, WRONG_VERSION, UNKNOWN_SENSOR, BAD_TAG = "junk", "wrong_version", "unknown_sensor", "bad_tag"


@dataclass(frozen=True, slots=True)
class Link:
    """The keyed MACs between one sensor and this relay, one for each direction."""

    up: Cmac
    down: Cmac


@dataclass(slots=True)
class Decision:
    """Rows to insert and to move, and what is held once they are committed."""

    held: list[tuple[int, bytes]]
    outbox: list[tuple[int, bytes]]
    after: Holding
    promoted: list[tuple[int, int]]  # a row's id in the outbox, and the one it has among the held

    def __bool__(self) -> bool:
        return bool(self.held or self.outbox or self.promoted)


class Ingest(Generic[Sender]):
    """One relay's side of the link. `links` maps (sensor id, key id) to keys and may be replaced at any time."""

    def __init__(self, relay_id: int, replay: Replay, busy_retry_s: int, shelf: Shelf | None = None) -> None:
        self.links: Mapping[tuple[int, int], Link] = {}
        self.refused: Counter[str] = Counter({JUNK: 0, WRONG_VERSION: 0, UNKNOWN_SENSOR: 0, BAD_TAG: 0})
        self.acked = self.duplicates = self.busy = self.echoed = self.pieces = 0
        self.wanted: set[bytes] = set()  # known data ids that came in this group as SEND: some may be held as STORE
        self._relay_id = relay_id
        self._replay = replay
        self._busy_retry_s = busy_retry_s
        self._shelf = Shelf() if shelf is None else shelf
        self._new: dict[bytes, tuple[int, bytes, int]] = {}  # data id: operation tag, frame, readings
        self._waiting: list[tuple[bytes, frames.DataHeader, Link, Sender]] = []

    @property
    def waiting(self) -> int:
        """How many datagrams of this group wait for an answer."""
        return len(self._waiting)

    def take(self, datagram: bytes, sender: Sender, utc_ms: int) -> bytes | None:
        """One datagram in; the ECHO to send at once if it was a PROBE, or the PIECE if it was a FETCH."""
        try:
            kind = frames.kind_of(datagram)
            if kind not in (frames.DATA, frames.PROBE, frames.FETCH):
                raise FrameError("frame", "not for a relay")
            link = self.links.get(intake.sender_of(datagram))
            if link is None:
                self.refused[UNKNOWN_SENSOR] += 1
                return None
            if kind == frames.PROBE:
                return self._echo(frames.read_control(datagram, link.up), link, utc_ms)
            if kind == frames.FETCH:
                return self._piece(read_fetch(datagram, link.up), link, len(datagram))
            frame = frames.untag(datagram, link.up)
            header = intake.read_header(frame)
        except AuthError:
            self.refused[BAD_TAG] += 1
            return None
        except FrameError:
            self.refused[WRONG_VERSION if datagram and datagram[0] >> 4 != frames.VERSION else JUNK] += 1
            return None
        data_id = frame[DATA_ID]
        if data_id in self._new or data_id in self._replay:
            self.duplicates += 1
            if header.op == frames.SEND:
                if data_id not in self._new:
                    self.wanted.add(data_id)
                elif self._new[data_id][0] == frames.STORE:
                    self._new[data_id] = (header.op, frame, header.count)
        else:
            self._new[data_id] = (header.op, frame, header.count)
        self._waiting.append((data_id, header, link, sender))
        return None

    def decide(self, holding: Holding, promote: Iterable[tuple[int, int, int]] = ()) -> Decision:
        """What of this group to commit, and the holding after that; frames without room are left out.

        `promote` has (id, bytes, readings) of the rows that are `wanted` at the remote and not on their way there.
        """
        decision = Decision([], [], holding.copy(), [])
        # First of all, while it is known which rows a flush takes.
        decision.promoted += [(decision.after.promote(size, readings), row) for row, size, readings in promote]
        for op, frame, readings in self._new.values():
            frame_id = decision.after.admit(op, len(frame), readings)
            if frame_id:
                (decision.outbox if op == frames.SEND else decision.held).append((frame_id, frame))
        return decision

    def settle(self, decision: Decision, utc_ms: int, *, committed: bool) -> list[tuple[bytes, Sender]]:
        """Ends the group: the replies of all that waited. ACK for what is on disk now, NACK busy for the rest."""
        refused = set(self._new)
        if committed:
            for rows in (decision.held, decision.outbox):
                for _, frame in rows:
                    data_id = frame[DATA_ID]
                    self._replay.add(data_id)
                    refused.discard(data_id)
        replies = []
        for data_id, header, link, sender in self._waiting:
            if data_id in refused:
                kind, status, retry_s = frames.NACK, frames.BUSY, self._busy_retry_s
                self.busy += 1
            else:
                kind, status, retry_s = frames.ACK, self._fine(header.sensor_id, header.key_id), 0
                self.acked += 1
            reply = frames.Control(
                kind,
                status,
                header.key_id,
                retry_s,
                header.sensor_id,
                header.epoch,
                header.seq,
                utc_ms,
                self._relay_id,
            )
            replies.append((reply.pack(link.down), sender))
        self._new = {}
        self._waiting = []
        self.wanted = set()
        return replies

    def _echo(self, probe: frames.Control, link: Link, utc_ms: int) -> bytes:
        self.echoed += 1
        echo = frames.Control(
            frames.ECHO,
            self._fine(probe.sensor_id, probe.key_id),
            probe.key_id,
            0,
            probe.sensor_id,
            probe.epoch,
            probe.seq,
            utc_ms,
            self._relay_id,
        )
        return echo.pack(link.down)

    def _fine(self, sensor_id: int, key_id: int) -> int:
        return frames.OK | (frames.ORDER_WAITING if self._shelf.waits((sensor_id, key_id)) else 0)

    def _piece(self, fetch: Fetch, link: Link, most_bytes: int) -> bytes | None:
        piece = self._shelf.piece(fetch)
        if piece is None or len(piece) + frames.TAG_BYTES > most_bytes:
            return None
        self.pieces += 1
        return frames.tag(piece, link.down)
