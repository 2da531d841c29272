"""Somebody looks, again and again, at a sensor on a real board's firmware; what is killed meanwhile leaves no gap."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from gridecho_board import Board
from gridecho_flash.image import build_image, firmware_files

from tests.rigs.caller import Caller, make_people
from tests.rigs.events import Reader, seqs
from tests.rigs.load import root_of
from tests.rigs.processes import RelayProcess, RemoteProcess, frames_in
from tests.rigs.waiting import wait_for

SENSOR, RELAY = 70, 1


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


@dataclass(frozen=True, slots=True)
class Round:
    """What a round took, in s: from the stream's begin to the first reading that was made since, and from its end to STORE."""

    told_s: float
    stored_s: float


def look_again_and_again(folder: Path, rounds: int) -> list[Round]:
    """Each time a stream is opened, read and left; in every second one the remote and the relay are killed while it is open."""
    found = []
    with watched(folder) as there:
        relay, remote, caller = there.relay, there.remote, there.caller
        cookie = caller.cookie
        address = f"{remote.url}/api/v1/sensors/{SENSOR}/live"
        for n in range(rounds):
            begun_s = time.time()
            reader = Reader(address, cookie).began()
            told = _since(reader, int(begun_s))
            told_s = time.time() - begun_s
            told += seqs(reader, 3)
            if n % 2:
                remote.kill()
                assert reader.next() is None
                relay.kill()
                remote.start()
                relay.start()
                reader.close()
                reader = Reader(address, cookie, at=reader.at)
                assert reader.status == 200, (reader.status, reader.headers, reader.at, reader.problem())
                told += seqs(reader, 5)
            # Until a relay that starts hears of it, one is stored there: told once somebody asks for it.
            for _ in range(60):
                there = {one["seq"] for one in caller.readings(SENSOR, wait=5)["readings"]}
                missing = {seq for seq in there if min(told) <= seq <= max(told)} - set(told)
                if not missing:
                    break
                told += seqs(reader)
            assert not missing, (missing, told)
            assert len(set(told)) == len(told), told
            reader.close()
            left_s = time.time()
            there.is_stored()
            found.append(Round(told_s, time.time() - left_s))
    return found


def _since(reader: Reader, newest_s: int) -> list[int]:
    """The numbers of the readings of the first event with any that were made after a moment."""
    while True:
        event = reader.next()
        assert event is not None
        found = [one["seq"] for one in event.data["readings"] if one["time"] > newest_s]
        if found:
            return found
