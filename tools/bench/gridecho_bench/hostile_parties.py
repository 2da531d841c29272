"""The hostile parties of `bench hostile`: the rigs of this project's tests at full speed, each as a process.

As a module it is one of them, named by its specification (`Against` as JSON): it says `ready`, begins at `go`, and ends with its
standard input.
"""

import json
import sys
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from http.client import HTTPException
from itertools import islice
from pathlib import Path
from urllib.parse import urlsplit

sys.path.insert(0, str(Path(__file__).parents[3]))  # a checkout's tests, which no wheel has

from gridecho import groups, relay_keys
from gridecho.crypto import Cmac
from gridecho.errors import ProtocolError

from tests.rigs.hostile.person import Person, Pest
from tests.rigs.hostile.proxy import EvilProxy
from tests.rigs.hostile.relay import BATCH, HostileRelay, Request, post
from tests.rigs.hostile.sensor import Flood, HostileSensor

_DATAGRAMS_PER_S = 5_000  # more than one radio sends
_DATAGRAMS, _THREADS, _A_BATCH = 20_000, 4, 200


@dataclass(frozen=True, slots=True)
class Against:
    """Whom `party` attacks, and what it has: the relay and the sensor that are in its hands, and its own login."""

    party: str
    remote: str
    relays: list[tuple[str, int]]
    relay_id: int
    secret: str
    sensor_id: int
    root: str
    name: str
    password: str

    def pack(self) -> str:
        """As the process takes it."""
        return json.dumps(asdict(self))


Start = Callable[[Against, threading.Event], list[threading.Thread]]


def _sensor(against: Against, ending: threading.Event) -> list[threading.Thread]:
    """A sensor with a true key floods a relay with lies, and with what does not open at the remote."""
    sensor = HostileSensor(against.sensor_id, bytes.fromhex(against.root), key_id=0)
    now_s = int(time.time())
    datagrams = [sensor.datagram(sensor.shut(now_s)) for _ in range(_DATAGRAMS // 2)]
    datagrams += islice(sensor.mutants(now_s), _DATAGRAMS // 2)
    sensor.chance.shuffle(datagrams)
    return [Flood(datagrams, against.relays[0][1], _DATAGRAMS_PER_S)]


def _stranger(against: Against, ending: threading.Event) -> list[threading.Thread]:
    """Somebody on the LAN without any key sends what looks like data."""
    sensor = HostileSensor(against.sensor_id, bytes(32), key_id=0)
    return [Flood(list(islice(sensor.mutants(int(time.time())), _DATAGRAMS)), against.relays[0][1], _DATAGRAMS_PER_S)]


def _relay(against: Against, ending: threading.Event) -> list[threading.Thread]:
    """An enrolled relay posts lies: batches of what does not open, indexes without end, odd heartbeats, changed bodies."""
    relay = HostileRelay(against.relay_id, bytes.fromhex(against.secret))
    sensor = HostileSensor(against.sensor_id, bytes.fromhex(against.root), key_id=0)

    def requests() -> Iterator[Request]:
        listing = 100
        mutants = relay.mutants(list(sensor.lies(int(time.time())).values()), against.sensor_id)
        while True:
            now_s = int(time.time())
            yield relay.batch([sensor.shut(now_s) for _ in range(_A_BATCH)])
            listing += 1
            yield from relay.flood_of_runs(against.sensor_id, listing, 40_000)
            yield from relay.lying_beats().values()
            yield from islice(mutants, 100)

    return _posting(against, ending, requests())


def _nobody(against: Against, ending: threading.Event) -> list[threading.Thread]:
    """Somebody without a token sends batches that are long once they are inflated."""
    body = zlib.compress(b"GEB\x01" + bytes(12 << 20), 9)

    def requests() -> Iterator[Request]:
        while True:
            yield Request(BATCH, body, {"Content-Encoding": "deflate"})

    return _posting(against, ending, requests())


def _proxy(against: Against, ending: threading.Event) -> list[threading.Thread]:
    """A member of the group takes its turn as proxy, and keeps those who hand it something waiting."""
    relay, evil = HostileRelay(against.relay_id, bytes.fromhex(against.secret)), EvilProxy()
    evil.behave = evil.drips_signs_of_life
    mac = Cmac(relay_keys.receipt_key(bytes.fromhex(against.secret), against.relay_id))

    def beat() -> None:
        said: dict[str, object] = {}
        while not ending.wait(0.5):
            with suppress(OSError, HTTPException, ValueError, KeyError, ProtocolError):
                _, answer = _posted(against, relay.beat(every_s=1.0, group_url=evil.url, **said))
                turn = groups.read_turn(bytes.fromhex(json.loads(answer)["turn"]), mac)
                said["word"] = {
                    "group": turn.group_id,
                    "term": turn.term,
                    "run": 1,
                    "periods": 0,
                    "bars": [],
                    "lost": "",
                }
        evil.close()

    return [threading.Thread(target=beat, daemon=True)]


def _person(against: Against, ending: threading.Event) -> list[threading.Thread]:
    """A user with a login holds connections, leaves downloads unread, and sends odd forms."""
    person = Person(against.remote, "127.0.0.2")
    person.log_in(against.name, against.password)
    return [Pest(person, ending, f"/api/v1/sensors/{against.sensor_id}/readings.csv")]


def _guesser(against: Against, ending: threading.Event) -> list[threading.Thread]:
    """Somebody guesses passwords, one after the other."""

    def guess() -> None:
        person = Person(against.remote, "127.0.0.3")
        while not ending.is_set():
            with suppress(OSError, HTTPException, AssertionError):
                person.log_in(against.name, "not it")

    return [threading.Thread(target=guess, daemon=True) for _ in range(_THREADS)]


PARTIES: dict[str, Start] = {
    "sensor": _sensor,
    "stranger": _stranger,
    "relay": _relay,
    "nobody": _nobody,
    "proxy": _proxy,
    "person": _person,
    "guesser": _guesser,
}


def _posting(against: Against, ending: threading.Event, requests: Iterator[Request]) -> list[threading.Thread]:
    lock = threading.Lock()

    def work() -> None:
        while not ending.is_set():
            with lock:
                request = next(requests)
            with suppress(OSError, HTTPException):
                _posted(against, request)

    return [threading.Thread(target=work, daemon=True) for _ in range(_THREADS)]


def _posted(against: Against, request: Request) -> tuple[int, bytes]:
    parts = urlsplit(against.remote)
    return post(parts.hostname or "", parts.port or 80, request)


def main() -> None:
    """One party, until the standard input ends."""
    against = Against(**json.loads(sys.argv[1]))
    ending = threading.Event()
    threads = PARTIES[against.party](against, ending)
    print("ready", flush=True)
    sys.stdin.readline()
    for thread in threads:
        thread.start()
    sys.stdin.read()
    ending.set()
    for thread in threads:
        if isinstance(thread, Flood):
            thread.stop()
        thread.join(10)


if __name__ == "__main__":
    main()
