"""Which key is for what: all come from one 32-byte secret of a sensor, or one of a relay, by `crypto.derive`."""

from .crypto import derive
from .errors import MisuseError


def _u32(n: int) -> bytes:
    if not 0 <= n < 1 << 32:
        raise MisuseError("an id is an unsigned 32-bit number")
    return n.to_bytes(4, "big")


def _of_sensor(sensor_id: int, key_id: int) -> bytes:
    if not 0 <= key_id < 256:
        raise MisuseError("a key id is an unsigned 8-bit number")
    return _u32(sensor_id) + bytes((key_id,))


def siv_key(root: bytes, sensor_id: int, key_id: int) -> bytes:
    """32 bytes: seals readings from the sensor to the remote. Nobody between them has it."""
    return derive(root, b"gridecho/1 siv", _of_sensor(sensor_id, key_id), 32)


def link_key_up(root: bytes, sensor_id: int, key_id: int, relay_id: int) -> bytes:
    """16 bytes: proves a sensor's datagram to one relay."""
    return derive(root, b"gridecho/1 up", _of_sensor(sensor_id, key_id) + _u32(relay_id), 16)


def link_key_down(root: bytes, sensor_id: int, key_id: int, relay_id: int) -> bytes:
    """16 bytes: proves one relay's reply to a sensor."""
    return derive(root, b"gridecho/1 down", _of_sensor(sensor_id, key_id) + _u32(relay_id), 16)


def relay_token(secret: bytes, relay_id: int) -> bytes:
    """32 bytes: what a relay shows to the remote over HTTP to prove itself."""
    return derive(secret, b"gridecho/1 token", _u32(relay_id), 32)


def batch_key(secret: bytes, relay_id: int) -> bytes:
    """32 bytes: proves a batch of frames from a relay to the remote, whoever carries it."""
    return derive(secret, b"gridecho/1 batch", _u32(relay_id), 32)


def receipt_key(secret: bytes, relay_id: int) -> bytes:
    """32 bytes: proves the remote's receipt to the relay whose frames it is for, whoever carries it."""
    return derive(secret, b"gridecho/1 receipt", _u32(relay_id), 32)
