"""Somebody looks, again and again, at a sensor on a real board's firmware; what is killed meanwhile leaves no gap."""

import json
import time
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
class Round:
    """What a round took, in s: from the stream's begin to the first reading that was made since, and from its end to STORE."""

    told_s: float
    stored_s: float


def look_again_and_again(folder: Path, rounds: int) -> list[Round]:
    """Each time a stream is opened, read and left; in every second one the remote and the relay are killed while it is open."""
    relay = RelayProcess(folder / "relay", "http://127.0.0.1:1")
    remote = RemoteProcess(folder / "remote", {RELAY: relay.secret}, [SENSOR])
    relay = RelayProcess(folder / "relay", remote.url, relay_id=RELAY)
    with remote.archive() as archive:
        (name,) = make_people(archive, 1, SENSOR)
    board = board_of(folder, relay.port)
    found = []

    def stores() -> bool:
        """Whether of what is made now three readings in a row wait on the relay."""
        here, held = remote.count(), len(frames_in(relay.database))
        wait_for(lambda: len(frames_in(relay.database)) + remote.count() >= here + held + 3, "three readings")
        return remote.count() == here

    try:
        remote.start()
        relay.start()
        wait_for(lambda: relay.report()["sensors"] == 1, "the keys")
        caller = Caller(remote.url, name)
        cookie = caller.cookie
        address = f"{remote.url}/api/v1/sensors/{SENSOR}/live"
        board.start()
        wait_for(stores, "the sensor's storing")
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
            wait_for(stores, "the sensor's storing")
            found.append(Round(told_s, time.time() - left_s))
    finally:
        board.stop()
        relay.close()
        remote.close()
    return found


def _since(reader: Reader, newest_s: int) -> list[int]:
    """The numbers of the readings of the first event with any that were made after a moment."""
    while True:
        event = reader.next()
        assert event is not None
        found = [one["seq"] for one in event.data["readings"] if one["time"] > newest_s]
        if found:
            return found
