"""Sensors that send until they are acknowledged: many of them on one socket, in a thread, with the core's own frames."""

import random
import socket
import threading
import time
from collections import Counter, deque
from collections.abc import Iterable
from contextlib import suppress

from gridecho import frames, keys
from gridecho.crypto import Cmac, Siv
from gridecho.errors import ProtocolError
from gridecho.readings import Reading, encode

from tests.rigs.waiting import HANG_S

RELAY_ID = 7
FIRST_S = 1_700_000_000
STEP_S = 60
_NO_END = 1 << 62


def reading_of(seq: int, step_s: int = STEP_S) -> Reading:
    """What every sensor says under this seq: now more, now less."""
    return Reading(FIRST_S + step_s * seq, {2: seq * 7_919 % 3_001})


def root_of(sensor_id: int) -> bytes:
    """A sensor's root key, in all these tests."""
    return random.Random(sensor_id).randbytes(32)


class Sealer:
    """Makes a sensor's frames: one reading each, `step_s` apart."""

    def __init__(self, sensor_id: int, epoch: int = 1, relay_id: int = RELAY_ID, step_s: int = STEP_S) -> None:
        root = root_of(sensor_id)
        self.sensor_id, self.root, self.epoch, self._step_s = sensor_id, root, epoch, step_s
        self.up = Cmac(keys.link_key_up(root, sensor_id, 0, relay_id))
        self.down = Cmac(keys.link_key_down(root, sensor_id, 0, relay_id))
        self._siv = Siv(keys.siv_key(root, sensor_id, 0))

    def frame(self, op: int, seq: int) -> bytes:
        reading = reading_of(seq, self._step_s)
        header = frames.DataHeader(op, 0, 1, self.sensor_id, self.epoch, seq, reading.time_s)
        return frames.seal(header, encode([reading]), self._siv)

    def datagram(self, op: int, seq: int) -> bytes:
        return frames.tag(self.frame(op, seq), self.up)


class _Waiting:
    __slots__ = ("busy", "due_s", "sensor", "sent_s", "seq")

    def __init__(self, sensor: Sealer, seq: int, now_s: float, due_s: float) -> None:
        self.sensor, self.seq, self.sent_s, self.due_s = sensor, seq, now_s, due_s
        self.busy = False  # that was the answer


class Load(threading.Thread):
    """`acked` are data ids, in order, with the seconds from the first sending to the ACK; `frames` what was sent by data id.

    `rate` is data a second (without it: as fast as `window` data that wait for an answer let it), `sends` the share tagged SEND,
    `again` the share that is sent once more, as SEND, after it was acknowledged, `first` the first seq.
    """

    def __init__(
        self,
        sensors: Iterable[int],
        port: int,
        *,
        window: int = 20,
        rate: float = 0.0,
        sends: float = 0.3,
        again: float = 0.1,
        retry_s: float = 0.2,
        busy_s: float = 0.1,
        epoch: int = 1,
        most: int = _NO_END,
        relay_id: int = RELAY_ID,
        step_s: int = STEP_S,
        first: int = 0,
    ) -> None:
        super().__init__(daemon=True)
        self.sensors = {sensor_id: Sealer(sensor_id, epoch, relay_id, step_s) for sensor_id in sensors}
        self.acked: dict[bytes, float] = {}
        self.acked_at: dict[bytes, float] = {}  # the same by Unix time
        self.frames: dict[bytes, list[bytes]] = {}
        self.replies: Counter[str] = Counter()
        self.told_busy: set[bytes] = set()  # data ids
        self.ending = threading.Event()  # nothing new from here on; it ends when all that waits is acknowledged
        self.giving_up = threading.Event()
        self._to = ("127.0.0.1", port)
        self._first = first
        self._window, self._rate, self._sends, self._again = window, rate, sends, again
        self._retry_s, self._busy_s, self._most = retry_s, busy_s, most
        self._chance = random.Random(epoch)
        self._waiting: dict[bytes, _Waiting] = {}

    def finish(self, within_s: float = HANG_S) -> None:
        """Sends nothing new but what `most` has left, and waits until all that was sent is acknowledged."""
        if self._most == _NO_END:
            self.ending.set()
        self.join(within_s)
        late = self.is_alive()
        self.stop()
        assert not late, f"{len(self._waiting)} data were not acknowledged in {within_s} s: {self.replies}"

    def stop(self) -> None:
        """Ends it as it is."""
        self.giving_up.set()
        if self.ident:
            self.join(HANG_S)

    def run(self) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
            sock.bind(("127.0.0.1", 0))
            self._run(sock)

    def _run(self, sock: socket.socket) -> None:
        order = deque((sealer, seq) for seq in (self._first,) for sealer in self.sensors.values())
        begun, made, looked_s = time.monotonic(), 0, 0.0
        while not self.giving_up.is_set():
            now = time.monotonic()
            if self.ending.is_set() or made >= self._most:
                if not self._waiting:
                    return
            else:
                due = min(self._most - made, self._window - len(self._waiting))
                if self._rate:
                    due = min(due, int((now - begun) * self._rate) - made)
                for _ in range(due):
                    sealer, seq = order.popleft()
                    order.append((sealer, seq + 1))
                    made += 1
                    self._new(sock, sealer, seq, now)
            self._take(sock)
            if now - looked_s > self._retry_s / 4:
                looked_s = now
                self._send_again(sock, now)

    def _new(self, sock: socket.socket, sealer: Sealer, seq: int, now: float) -> None:
        self._send(sock, sealer, self._op(), seq)
        data_id = b"".join(n.to_bytes(4, "big") for n in (sealer.sensor_id, sealer.epoch, seq))
        self._waiting[data_id] = _Waiting(sealer, seq, now, now + self._retry_s)

    def _op(self) -> int:
        return frames.SEND if self._chance.random() < self._sends else frames.STORE

    def _send(self, sock: socket.socket, sealer: Sealer, op: int, seq: int) -> None:
        frame = sealer.frame(op, seq)
        known = self.frames.setdefault(frame[4:16], [])
        if frame not in known:
            known.append(frame)
        with suppress(OSError):
            sock.sendto(frames.tag(frame, sealer.up), self._to)

    def _send_again(self, sock: socket.socket, now: float) -> None:
        for waiting in list(self._waiting.values()):
            if waiting.due_s <= now:
                waiting.due_s = now + self._retry_s
                self.replies["later" if waiting.busy else "none"] += 1
                waiting.busy = False
                self._send(sock, waiting.sensor, self._op(), waiting.seq)

    def _take(self, sock: socket.socket) -> None:
        sock.settimeout(0.002)
        for _ in range(2 * self._window):
            try:
                datagram = sock.recv(2048)
            except OSError:
                return
            sock.settimeout(0)
            self._reply(sock, datagram)

    def _reply(self, sock: socket.socket, datagram: bytes) -> None:
        sealer = self.sensors.get(int.from_bytes(datagram[4:8], "big"))
        try:
            if sealer is None:
                raise ProtocolError("sensor", "not one of these")
            reply = frames.read_control(datagram, sealer.down)
        except ProtocolError:
            self.replies["strange"] += 1
            return
        now, data_id = time.monotonic(), datagram[4:16]
        if reply.kind == frames.ACK:
            self.replies["ack"] += 1
            waiting = self._waiting.pop(data_id, None)
            if waiting is not None:
                self.acked[data_id] = now - waiting.sent_s
                self.acked_at[data_id] = time.time()
                if self._chance.random() < self._again:
                    self._send(sock, sealer, frames.SEND, reply.seq)
        elif reply.kind == frames.NACK and reply.status & 15 == frames.BUSY:
            self.replies["busy"] += 1
            self.told_busy.add(data_id)
            if data_id in self._waiting:
                self._waiting[data_id].due_s = now + self._busy_s
                self._waiting[data_id].busy = True
        else:
            self.replies["strange"] += 1


def percentile(values: Iterable[float], share: float) -> float:
    """The value that `share` of them do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
