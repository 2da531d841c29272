"""Somebody looks at a sensor on a real board's firmware, again and again; what is killed meanwhile leaves no gap."""

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gridecho_board import Board
from gridecho_flash.image import build_image, firmware_files

from tests.rigs.caller import Caller, make_people
from tests.rigs.events import Reader
from tests.rigs.load import root_of
from tests.rigs.processes import RelayProcess, RemoteProcess, frames_in, held_in
from tests.rigs.waiting import wait_for

SENSOR, RELAY = 70, 1
PERSON = "person-0"
KILLS = ("nothing", "browser", "remote", "remote for long", "remote stopped", "relay", "remote and relay")

Key = tuple[int, int, int]  # epoch, seq, place within a datagram


def board_of(folder: Path, port: int) -> Board:
    """A meter that is read every second."""
    config = {
        "sensor_id": SENSOR,
        "key_id": 0,
        "period_ms": 1000,
        "relays": [{"id": RELAY, "host": "127.0.0.1", "port": port}],
        "meter": {"type": "replay", "file": "meter.csv", "loop": True},
    }
    rows = "".join(f"{1000 + n},{350 + n % 7}\n" for n in range(50))
    own = {
        "config.json": json.dumps(config).encode(),
        "key": root_of(SENSOR),
        "epoch": b"0",
        "meter.csv": ("1-0:1.8.0,1-0:1.7.0\n" + rows).encode(),
    }
    image = folder / "board.img"
    build_image(image, firmware_files() | own)
    return Board(image, runtime="micropython")


@dataclass(frozen=True, slots=True)
class Watched:
    """A board whose meter is read every second, its relay and remote, and somebody who may look."""

    relay: RelayProcess
    remote: RemoteProcess
    caller: Caller

    def stores(self) -> bool:
        """Whether of what is made now three readings in a row wait on the relay."""
        remote, database = self.remote, self.relay.database
        here, held = remote.count(), len(frames_in(database))
        wait_for(lambda: len(frames_in(database)) + remote.count() >= here + held + 3, "three readings")
        return remote.count() == here

    def is_stored(self) -> None:
        """Waits until what is made waits on the relay."""
        wait_for(self.stores, "the sensor's storing")

    def gathers(self, stores: bool) -> None:
        """Waits until the relay has more, with the remote away; `stores`: as STORE, for nobody looks any more."""
        before = len(frames_in(self.relay.database))
        wait_for(lambda: len(frames_in(self.relay.database)) >= before + 3, "three readings")
        if stores:
            count = held_in(self.relay.database)
            wait_for(lambda: held_in(self.relay.database) >= count + 3, "three that wait")


@contextmanager
def watched(folder: Path) -> Iterator[Watched]:
    """All of them run, and what the board makes waits on the relay."""
    relay = RelayProcess(folder / "relay", "http://127.0.0.1:1")
    remote = RemoteProcess(folder / "remote", {RELAY: relay.secret}, [SENSOR])
    relay = RelayProcess(folder / "relay", remote.url, relay_id=RELAY)
    with remote.archive() as archive:
        (name,) = make_people(archive, 1, SENSOR)
    board = board_of(folder, relay.port)
    try:
        remote.start()
        relay.start()
        wait_for(lambda: relay.report()["sensors"] == 1, "the keys")
        found = Watched(relay, remote, Caller(remote.url, name))
        board.start()
        found.is_stored()
        yield found
    finally:
        board.stop()
        relay.close()
        remote.close()


class Looker:
    """Somebody who is told of the sensor, comes again to where they were, and keeps what they were told.

    What was made before they began is passed over: it may come late, and other readings of that time may not.
    """

    def __init__(self, there: Watched) -> None:
        self.begun_s = time.time()
        self.newest_s = 0
        self.told: list[Key] = []
        self._address, self._cookie = f"{there.remote.url}/api/v1/sensors/{SENSOR}/live", there.caller.cookie
        self._reader = Reader(self._address, self._cookie).began()

    def come_again(self) -> None:
        """With the last id that was read."""
        self._reader.close()
        self._reader = Reader(self._address, self._cookie, at=self._reader.at)
        assert self._reader.status == 200, self._reader.problem()

    def leave(self) -> None:
        """Gone without a word."""
        self._reader.close()

    def hear(self, count: int = 1) -> None:
        """Until so many more are told, at least."""
        before = len(self.told)
        while len(self.told) < before + count:
            event = self._reader.next()
            assert event is not None and event.name == "message", event
            self._keep(event.data)

    def hear_now(self) -> None:
        """Until something is told that is made from now on."""
        now_s = time.time()
        while self.newest_s <= now_s:
            self.hear()

    def hear_the_rest(self) -> Any:
        """What a connection has still whose other end is gone: why it ended, or None if nobody could say."""
        why = None
        while (event := self._reader.next()) is not None:
            if event.name == "message":
                self._keep(event.data)
            else:
                assert (event.name, why) == ("end", None), event
                why = event.data
        return why

    def hear_all(self) -> None:
        """Until of the numbers from the first to the last that were told none is missing."""

        def is_whole() -> bool:
            if self._missing():
                self.hear()
            return not self._missing()

        wait_for(is_whole, lambda: f"that {self._missing()} are told")
        assert len(set(self.told)) == len(self.told), self.told

    def _missing(self) -> list[int]:
        seqs = {seq for _, seq, _ in self.told}
        return sorted(set(range(min(seqs), max(seqs) + 1)) - seqs)

    def _keep(self, data: Any) -> None:
        self.told += keys_in(data, int(self.begun_s) + 1)
        self.newest_s = max(self.newest_s, *(one["time"] for one in data["readings"]))


def keys_in(answer: Any, from_s: int = 0) -> list[Key]:
    """Which readings an answer or an event has, of those made from a time on."""
    return [(one["epoch"], one["seq"], one["item"]) for one in answer["readings"] if one["time"] >= from_s]


def all_made(there: Watched) -> list[Key]:
    """All that the board made, once the relay has brought it: its numbers leave none out."""
    there.relay.flush()
    made = keys_in(there.caller.readings(SENSOR, wait=0, limit=10_000))
    ids = there.remote.stored()
    seqs = {int.from_bytes(one[8:]) for one in ids}
    assert len({one[4:8] for one in ids}) == 1
    assert seqs == set(range(max(seqs) + 1))
    return made


def interrupt(there: Watched, looker: Looker, kill: str) -> None:
    """Kills with -9, or stops, and lets all run again; `looker` comes again if they have to."""
    if kill == "browser":
        looker.leave()
        there.is_stored()
    if kill == "remote stopped":
        there.remote.close()
        why = looker.hear_the_rest()
        assert (why["code"], why["again"]) == ("live-stopping", True)
    elif "remote" in kill:
        there.remote.kill()
        assert looker.hear_the_rest() is None
    if "relay" in kill:
        there.relay.kill()
        there.relay.start()  # which has readings wait until it hears that somebody looks
    if "remote" in kill:
        there.gathers("long" in kill)
        there.remote.start()
    if kill == "browser" or "remote" in kill:
        looker.come_again()


@dataclass(frozen=True, slots=True)
class Round:
    """What a round took, in s: from the stream's begin to the first reading that was made since, and from its end to STORE."""

    told_s: float
    stored_s: float


def look_again_and_again(folder: Path, kills: Sequence[str], stores: bool = True) -> list[Round]:
    """Each time a stream is opened, read and left, and something is killed meanwhile; all that was made since was told, and once.

    `stores`: each begins when the sensor stores again, else at once (and took no time for that).
    """
    found, lookers = [], []
    with watched(folder) as there:
        for kill in kills:
            looker = Looker(there)
            looker.hear()
            told_s = time.time() - looker.begun_s
            looker.hear(3)
            interrupt(there, looker, kill)
            looker.hear_now()
            looker.hear_all()
            looker.leave()
            left_s = time.time()
            if stores:
                there.is_stored()
            found.append(Round(told_s, time.time() - left_s))
            lookers.append(looker)
        made = all_made(there)
        for looker in lookers:
            first, last = min(looker.told), max(looker.told)
            assert sorted(looker.told) == [one for one in sorted(made) if first <= one <= last]
    return found
