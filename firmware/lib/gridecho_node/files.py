"""Small files on flash that are either as they were or as they shall be, whenever the power goes."""

import os
from errno import ENOENT

from gridecho.compat import const

from .faults import FlashError

_LAST_EPOCH = const((1 << 32) - 1)


def read_file(name: str) -> "bytes | None":
    """The file's bytes, or None if there is none. Raises OSError if there is one that cannot be read."""
    try:
        with open(name, "rb") as file:
            return file.read()
    except OSError as error:
        if error.errno == ENOENT:
            return None
        raise


def whole(word: "bytes | str") -> int:
    """The number that these digits say, 0 if it is anything else: MicroPython 1.24 takes 0x4 for 4."""
    return int(word) if word.isdigit() else 0


def replace_file(name: str, content: bytes) -> None:
    """Writes beside the file, reads back, then renames over it. Raises FlashError or OSError; the old file is then still there."""
    beside = name + ".new"
    with open(beside, "wb") as file:
        file.write(content)
    if read_file(beside) != content:
        raise FlashError(name)
    os.rename(beside, name)


def next_epoch() -> int:
    """This boot's epoch: the number in the file `epoch`, plus one, written and read back before it is used.

    Raises FlashError if there is none or it cannot be kept: a sensor that does not know its epoch must not send, or a data id could
    come twice. Flashing a board writes the one to count from, together with a new key.
    """
    try:
        before = read_file("epoch")
        if before is None or not before.strip().isdigit():
            raise FlashError("epoch")
        epoch = int(before) + 1
        if epoch > _LAST_EPOCH:
            raise FlashError("epoch")
        replace_file("epoch", b"%d" % epoch)
        if read_file("epoch") != b"%d" % epoch:
            raise FlashError("epoch")
    except OSError:
        raise FlashError("epoch") from None
    return epoch


def read_key() -> bytes:
    """The 32-byte root key: of `key.trial` while settings with it are on trial, else of `key`. Raises FlashError without one."""
    try:
        key = read_file("key.trial") if (read_file("trial") or b"")[:7] == b"config " else None
        key = read_file("key") if key is None else key
    except OSError:
        raise FlashError("key") from None
    if key is None or len(key) != 32:
        raise FlashError("key")
    return key


def read_route() -> "int | None":
    """The relay id in the file `route`: the target of the last boot, or None."""
    try:
        words = (read_file("route") or b"").split()
    except OSError:
        return None
    return whole(words[0]) or None if words else None


def write_route(relay_id: int, rtt_us: int) -> None:
    """Keeps {relay id, least RTT in us} in the file `route`. Raises FlashError or OSError."""
    replace_file("route", b"%d %d\n" % (relay_id, rtt_us))
