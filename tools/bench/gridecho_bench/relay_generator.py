"""The load generator: sends datagrams that were made before, and judges the replies after. A process: `python -m ... SPEC`.

While the clock runs it does as little as it can: it keeps the replies as they came, with the time of each group. What they are is
found out when the run is over: an answer counts only if it is an ACK of this relay that verifies, for a datagram that was sent
before it came and that no other ACK was counted for.

It prints `ready` when every sensor's probe was echoed, waits for a line, prints `ended` when nothing is in flight any more, then
its `Outcome` as JSON.
"""

import json
import math
import select
import sys
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from struct import iter_unpack

from gridecho import frames
from gridecho.crypto import Cmac
from gridecho.errors import ProtocolError

from .relay_datagrams import REPLY_STRIDE, Port, open_port, timer_slack
from .relay_traffic import EPOCH, KEY_ID, Traffic

_REPLY = ">BBBBIIIQI8s4x"
_FIRST_WITHIN_S = 20.0  # until the first answer, which a busy machine may make wait
_STALL_S = 0.25  # nothing more came for so long: what is in flight is lost
_MOST_AT_ONCE = 512
_NAP_S = 0.0003


@dataclass(frozen=True, slots=True)
class Spec:
    """One run over datagrams first .. last-1: closed loop with `window` in flight, or `rate` a second if that is not 0.

    With `bare` the other end is the bare loop, which answers every datagram with its first bytes: no probes, no MACs, and when the
    datagrams are used up they are sent again. `acked_file` takes one byte a datagram: 1 if it was acknowledged.
    """

    traffic: Traffic
    port: int
    first: int
    last: int
    seconds: float
    window: int = 0
    rate: int = 0
    bare: bool = False
    plain: bool = False
    acked_file: str = ""

    def to_json(self) -> str:
        """For `from_json` in another process."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "Spec":
        fields = json.loads(text)
        return cls(**{**fields, "traffic": Traffic(**fields["traffic"])})


@dataclass(slots=True)
class Outcome:
    """What came of a run. `lost` were never answered, `false` are replies that prove nothing. Times in ms, None if not paced."""

    sent: int = 0
    acked: int = 0
    duplicates: int = 0
    nacked: int = 0
    false: int = 0
    lost: int = 0
    seconds: float = 0.0  # from the first datagram to the last reply
    per_s: float = 0.0
    p50_ms: float | None = None
    p99_ms: float | None = None
    late_p99_ms: float | None = None  # how late the generator itself was
    busy: float = 0.0  # its CPU time, as a share of one core


@dataclass(slots=True)
class Tape:
    """The raw course of a run; times in ns. `sends`: (when, sent so far). `replies`: (when, how many, their bytes, sent so far)."""

    start: int = 0
    sends: list[tuple[int, int]] = field(default_factory=list)
    replies: list[tuple[int, int, bytes, int]] = field(default_factory=list)
    odd: int = 0
    busy: float = 0.0


def probe_all(port: Port, traffic: Traffic) -> None:
    """Probes until the relay has echoed every sensor, so that it knows their keys. Raises TimeoutError."""
    link_keys = {sensor_id: (Cmac(up), Cmac(down)) for sensor_id, _, up, down in traffic.link_keys()}
    waiting = set(link_keys)
    end = time.monotonic() + _FIRST_WITHIN_S
    while waiting:
        if time.monotonic() > end:
            raise TimeoutError(f"the relay did not answer the probes of {len(waiting)} sensors")
        for sensor_id in sorted(waiting)[:100]:
            probe = frames.Control(frames.PROBE, 0, KEY_ID, 0, sensor_id, EPOCH, 1, 0, traffic.relay_id)
            try:
                port.sock.send(probe.pack(link_keys[sensor_id][0]))
            except ConnectionRefusedError:
                time.sleep(0.05)
        while (got := port.receive())[0]:
            for at in range(0, len(got[1]), len(got[1]) // got[0]):
                reply = got[1][at : at + frames.CONTROL_BYTES]
                try:
                    echo = frames.read_control(reply, link_keys[int.from_bytes(reply[4:8], "big")][1])
                except (ProtocolError, KeyError):
                    continue
                if echo.kind == frames.ECHO:
                    waiting.discard(echo.sensor_id)


def closed_loop(port: Port, spec: Spec) -> Tape:
    """Keeps `window` datagrams in flight until the time is up or all are sent, then waits for the rest."""
    send, receive, clock = port.send, port.receive, time.perf_counter_ns
    tape = Tape()
    replies = tape.replies
    room, sent, in_flight = spec.last - spec.first, 0, 0
    used_before = time.process_time_ns()
    heard = tape.start = clock()
    end = tape.start + int(spec.seconds * 1e9)
    while True:
        now = clock()
        want = spec.window - in_flight if now < end else 0
        if want and (spec.bare or sent < room):
            first = sent % room
            taken = send(spec.first + first, min(want, room - first, _MOST_AT_ONCE))
            sent += taken
            in_flight += taken
        elif not in_flight:
            break
        # To wake up for each reply would cost the one that sends it; while it has enough to do it need not.
        enough = in_flight > spec.window // 2
        if enough:
            time.sleep(_NAP_S)
        n, raw, odd = receive(not enough)
        if n:
            heard = clock()
            replies.append((heard, n, raw, sent))
            tape.odd += odd
            in_flight -= n
        elif clock() - heard > (_STALL_S if replies else _FIRST_WITHIN_S) * 1e9:
            in_flight = 0
            heard = clock()
    tape.sends.append((tape.start, sent))
    tape.busy = (time.process_time_ns() - used_before) / max(1, clock() - tape.start)
    return tape


def paced(port: Port, spec: Spec) -> Tape:
    """Sends each datagram when its time has come, whatever is still in flight, then waits for the rest."""
    send, receive, clock = port.send, port.receive, time.perf_counter_ns
    tape = Tape()
    room = min(spec.last - spec.first, int(spec.rate * spec.seconds))
    sent, arrived, per_ns = 0, 0, spec.rate / 1e9
    socks, none = [port.sock], []  # type: ignore[var-annotated]
    used_before = time.process_time_ns()
    heard = tape.start = clock() + 1_000_000
    while arrived < sent or sent < room:
        now = clock()
        due = min(room, int((now - tape.start) * per_ns) + 1) if now >= tape.start else 0
        if due > sent:
            sent += send(spec.first + sent, due - sent)
            tape.sends.append((now, sent))
        elif sent >= room and now - heard > (_STALL_S if arrived else _FIRST_WITHIN_S) * 1e9:
            break
        wait_s = max(0.0, (tape.start + sent / per_ns - clock()) / 1e9) if sent < room else 0.02
        if select.select(socks, none, none, wait_s)[0]:
            n, raw, odd = receive(wait=False)
            if n:
                heard = clock()
                tape.replies.append((heard, n, raw, sent))
                tape.odd += odd
                arrived += n
    tape.busy = (time.process_time_ns() - used_before) / max(1, clock() - tape.start)
    return tape


def judge(tape: Tape, spec: Spec) -> tuple[Outcome, bytearray]:
    """What the replies are worth, and which of the spec's datagrams were acknowledged, a byte each."""
    traffic, room = spec.traffic, spec.last - spec.first
    found = Outcome(sent=tape.sends[-1][1] if tape.sends else 0, false=tape.odd, busy=round(tape.busy, 3))
    downs = {} if spec.bare else {sensor_id: Cmac(down) for sensor_id, _, _, down in traffic.link_keys()}
    often = bytearray(room)  # how often each was sent
    whole, rest = divmod(found.sent, room)
    open_ = bytearray([min(255, whole + 1)]) * rest + bytearray([min(255, whole)]) * (room - rest)
    delays = []
    for when, _, raw, sent in tape.replies:
        for at, (kind, status, _, _, sensor_id, epoch, seq, _, relay_id, tag) in enumerate(iter_unpack(_REPLY, raw)):
            number = traffic.number_of(sensor_id, epoch, seq) - spec.first
            if not 0 <= number < min(sent, room):
                found.false += 1
                continue
            if not spec.bare:
                reply = raw[REPLY_STRIDE * at : REPLY_STRIDE * at + frames.CONTROL_BYTES]
                genuine = relay_id == traffic.relay_id and downs[sensor_id].tag(reply[:-8])[:8] == tag
                if not genuine or kind not in (0x12, 0x13):
                    found.false += 1
                    continue
                if kind == 0x13 or status & 15 != frames.OK:
                    found.nacked += 1
                    continue
            if often[number] >= open_[number]:
                found.duplicates += 1
                continue
            often[number] += 1
            found.acked += 1
            if spec.rate:
                delays.append(when - tape.start - number * 1e9 / spec.rate)
    if found.acked:
        found.seconds = round(max(1, tape.replies[-1][0] - tape.start) / 1e9, 6)
        found.per_s = round(found.acked * 1e9 / max(1, tape.replies[-1][0] - tape.start), 1)
    found.lost = max(0, found.sent - found.acked - found.nacked)
    if delays:
        found.p50_ms, found.p99_ms = (round(percentile(delays, part) / 1e6, 3) for part in (0.5, 0.99))
        late, before = [], 0
        for when, sent in tape.sends:
            late += [when - tape.start - number * 1e9 / spec.rate for number in range(before, sent)]
            before = sent
        found.late_p99_ms = round(percentile(late, 0.99) / 1e6, 3)
    return found, often


def percentile(values: list[float], part: float) -> float:
    """The least of the values that at least `part` of all are not above (nearest rank)."""
    return sorted(values)[max(0, math.ceil(part * len(values)) - 1)]


def main() -> None:
    """See the top of this file."""
    spec = Spec.from_json(sys.argv[1])
    timer_slack()
    port = open_port(("127.0.0.1", spec.port), spec.traffic, spec.plain)
    try:
        if not spec.bare:
            probe_all(port, spec.traffic)
        print("ready", flush=True)
        sys.stdin.readline()
        tape = paced(port, spec) if spec.rate else closed_loop(port, spec)
        print("ended", flush=True)
        outcome, acked = judge(tape, spec)
        if spec.acked_file:
            Path(spec.acked_file).write_bytes(acked)
        print(json.dumps(asdict(outcome)), flush=True)
    finally:
        port.close()


if __name__ == "__main__":
    main()
