"""Which of a relay's keys is for what: all come from its 32-byte secret, by `crypto.derive`. A board knows none of them."""

from .crypto import derive
from .keys import u32


def relay_token(secret: bytes, relay_id: int) -> bytes:
    """32 bytes: what a relay shows to the remote over HTTP to prove itself."""
    return derive(secret, b"gridecho/1 token", u32(relay_id), 32)


def batch_key(secret: bytes, relay_id: int) -> bytes:
    """32 bytes: proves a batch of frames from a relay to the remote, whoever carries it."""
    return derive(secret, b"gridecho/1 batch", u32(relay_id), 32)


def receipt_key(secret: bytes, relay_id: int) -> bytes:
    """32 bytes: proves the remote's receipt to the relay whose frames it is for, whoever carries it."""
    return derive(secret, b"gridecho/1 receipt", u32(relay_id), 32)


def pull_key(secret: bytes, relay_id: int) -> bytes:
    """32 bytes: proves to a relay that the remote asks for what it holds."""
    return derive(secret, b"gridecho/1 pull", u32(relay_id), 32)
