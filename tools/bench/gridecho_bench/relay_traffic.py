"""What the load generator sends, made before the clock runs: single readings of many sensors, sealed and tagged as STORE.

Datagram number k is reading k // sensors of sensor k % sensors. All stand in one file at equal distances, so that a process can map
it and hand the kernel addresses; their lengths stand in another.
"""

from array import array
from dataclasses import dataclass
from pathlib import Path

from gridecho import frames, keys
from gridecho.crypto import Cmac, Siv
from gridecho.quantities import ENERGY_IMPORT, POWER_IMPORT
from gridecho.readings import Reading, encode

STRIDE = 64  # bytes between two datagrams; a single reading of two quantities is shorter
KEY_ID = 1
EPOCH = 1
FIRST_SENSOR = 1_000
_FIRST_S = 1_783_771_200
_EVERY_S = 10


@dataclass(frozen=True, slots=True)
class Traffic:
    """`count` datagrams of `sensors` sensors for one relay, in `folder`; `frame_bytes`: a frame's mean length without link tag."""

    folder: str
    relay_id: int
    sensors: int
    count: int
    frame_bytes: float

    @property
    def datagrams(self) -> Path:
        return Path(self.folder) / "datagrams.bin"

    @property
    def lengths(self) -> Path:
        return Path(self.folder) / "lengths.bin"

    def number_of(self, sensor_id: int, epoch: int, seq: int) -> int:
        """Which datagram has this data id; -1 if none has."""
        at = sensor_id - FIRST_SENSOR
        number = seq * self.sensors + at
        return number if epoch == EPOCH and 0 <= at < self.sensors and number < self.count else -1

    def link_keys(self) -> list[tuple[int, int, bytes, bytes]]:
        """(sensor id, key id, up, down) of all sensors."""
        return [
            (
                sensor_id,
                KEY_ID,
                keys.link_key_up(_root(sensor_id), sensor_id, KEY_ID, self.relay_id),
                keys.link_key_down(_root(sensor_id), sensor_id, KEY_ID, self.relay_id),
            )
            for sensor_id in range(FIRST_SENSOR, FIRST_SENSOR + self.sensors)
        ]


def reading_of(number: int, sensors: int) -> tuple[int, int, Reading]:
    """(sensor id, seq, reading) of datagram `number`: a meter that counts on, and a power that changes with every reading."""
    seq, at = divmod(number, sensors)
    values = {ENERGY_IMPORT: 1_000_000 + 7_919 * at + seq, POWER_IMPORT: (number * 2_654_435_761 >> 7) % 9_000}
    return FIRST_SENSOR + at, seq, Reading(_FIRST_S + _EVERY_S * seq, values)


def make_traffic(folder: Path, relay_id: int, sensors: int, count: int) -> Traffic:
    """Seals and tags `count` datagrams into `folder`; about 10 us each."""
    traffic = Traffic(str(folder), relay_id, sensors, count, 0)
    up = [Cmac(key) for _, _, key, _ in traffic.link_keys()]
    sivs = [
        Siv(keys.siv_key(_root(sensor_id), sensor_id, KEY_ID))
        for sensor_id in range(FIRST_SENSOR, FIRST_SENSOR + sensors)
    ]
    whole, lengths = bytearray(STRIDE * count), array("Q", bytes(8 * count))
    for number in range(count):
        sensor_id, seq, reading = reading_of(number, sensors)
        at = sensor_id - FIRST_SENSOR
        header = frames.DataHeader(frames.STORE, KEY_ID, 1, sensor_id, EPOCH, seq, reading.time_s)
        datagram = frames.tag(frames.seal(header, encode([reading]), sivs[at]), up[at])
        lengths[number] = len(datagram)
        whole[STRIDE * number : STRIDE * number + len(datagram)] = datagram
    traffic.datagrams.write_bytes(whole)
    traffic.lengths.write_bytes(lengths.tobytes())
    mean = sum(lengths) / count - frames.TAG_BYTES
    return Traffic(str(folder), relay_id, sensors, count, round(mean, 2))


def _root(sensor_id: int) -> bytes:
    return sensor_id.to_bytes(32, "big")
