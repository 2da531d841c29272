"""Which of a sensor's keys is for what: all come from its 32-byte root, by `crypto.derive`. A relay's are in `relay_keys`."""

from .crypto import derive
from .errors import MisuseError


def u32(n: int) -> bytes:
    """An id in a key's context."""
    if not 0 <= n < 1 << 32:
        raise MisuseError("an id is an unsigned 32-bit number")
    return n.to_bytes(4, "big")


def _of_sensor(sensor_id: int, key_id: int) -> bytes:
    if not 0 <= key_id < 256:
        raise MisuseError("a key id is an unsigned 8-bit number")
    return u32(sensor_id) + bytes((key_id,))


def siv_key(root: bytes, sensor_id: int, key_id: int) -> bytes:
    """32 bytes: seals readings from the sensor to the remote. Nobody between them has it."""
    return derive(root, b"gridecho/1 siv", _of_sensor(sensor_id, key_id), 32)


def order_key(root: bytes, sensor_id: int, key_id: int) -> bytes:
    """32 bytes: seals orders from the remote to the sensor. Nobody between them has it."""
    return derive(root, b"gridecho/1 order", _of_sensor(sensor_id, key_id), 32)


def link_key_up(root: bytes, sensor_id: int, key_id: int, relay_id: int) -> bytes:
    """16 bytes: proves a sensor's datagram to one relay."""
    return derive(root, b"gridecho/1 up", _of_sensor(sensor_id, key_id) + u32(relay_id), 16)


def link_key_down(root: bytes, sensor_id: int, key_id: int, relay_id: int) -> bytes:
    """16 bytes: proves one relay's reply to a sensor."""
    return derive(root, b"gridecho/1 down", _of_sensor(sensor_id, key_id) + u32(relay_id), 16)
