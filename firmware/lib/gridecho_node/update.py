"""Takes over an order whose content is on flash, puts it on trial, and ends the trial. Every step may be cut off and done again.

Files, beside those of files.py:

    order.part, order.head   the content as it comes, and what it is to be (orders.py)
    versions                 "C F": versions of the settings and the firmware in force, 0 for what was flashed
    config.new               settings on trial
    key.trial                a root key on trial, with settings that name it by its key id
    slot                     the folder of the firmware in force: lib or lib_b; none is lib
    trial                    "KIND VERSION STARTS SLOT": what is on trial; boot.py counts its starts
    failed                   the same of the last order that was taken back

On trial the old settings or slot stay as they are, so taking an order back is one rename, trial to failed.
"""

import os
from hashlib import sha256

from gridecho.compat import const
from gridecho.errors import ConfigError, ProtocolError
from gridecho.orders import CONFIG, FIRMWARE, KEY, Order

from .files import read_file, replace_file, whole

_CHUNK = const(2048)

TYPE_CHECKING = const(0)  # the board has no typing
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any


def versions() -> "tuple[int, int, int]":
    """(settings in force, firmware in force, last order that was taken back)."""
    config, firmware = _numbers("versions", 2)
    return config, firmware, failed_version()


def failed_version() -> int:
    """The version of the last order that was taken back; 0 if none was."""
    words = _words("failed")
    return whole(words[1]) if len(words) == 4 else 0


def take(order: Order, digest: bytes) -> "Iterator[bool | None]":
    """The content in order.part goes on trial, in steps that are short beside a watchdog: None after each, at last a bool.

    True: restart now; the order is on trial, or it was refused, which the remote is told after a start. False: to be fetched again.
    """
    try:
        good = _digest("order.part") == digest
        if good and order.kind == CONFIG:
            _take_config(order)
        elif good and order.kind == KEY:
            _take_key(order)
        elif good:
            for _ in _unpack(_other_slot()):
                yield None
    except (ProtocolError, ConfigError, ValueError) as error:
        print("order version=%d refused: %s" % (order.version, error))
        replace_file("failed", b"%s %d 0 -" % (_kind(order), order.version))
    else:
        if good:
            new = _other_slot().encode() if order.kind == FIRMWARE else b"-"
            replace_file("trial", b"%s %d 0 %s" % (_kind(order), order.version, new))
    clear()
    yield good


def clear() -> None:
    """What was fetched so far goes."""
    for name in ("order.head", "order.part"):
        remove(name)


def remove(name: str) -> None:
    """The file goes, if there is one."""
    if read_file_size(name) is not None:
        os.remove(name)


def read_file_size(name: str) -> "int | None":
    """Its bytes; None if there is none."""
    try:
        return int(os.stat(name)[6])
    except OSError:
        return None


def decided() -> bool:
    """Whether what is on trial was confirmed, and the power went before that was done."""
    words = _words("trial")
    return len(words) == 4 and whole(words[1]) == versions()[0 if words[0] == "config" else 1]


def confirm() -> None:
    """What is on trial is in force from now on: since its version stands in `versions`, whatever happens to the rest."""
    kind, version, _, slot = _words("trial")
    config, firmware = _numbers("versions", 2)
    if kind == "config":
        replace_file("versions", b"%d %d" % (whole(version), firmware))
        for new, name in (("key.trial", "key"), ("config.new", "config.json")):  # boot.py takes the last for the end
            if read_file_size(new) is not None:
                os.rename(new, name)
    else:
        replace_file("versions", b"%d %d" % (config, whole(version)))
        replace_file("slot", slot.encode())
    os.remove("trial")


def take_back() -> None:
    """What is on trial is out; a restart brings back what was before."""
    os.rename("trial", "failed")
    remove("config.new")
    remove("key.trial")


def _take_config(order: Order) -> None:
    from gridecho.config import read_config  # not in the heap else

    content = read_file("order.part") or b""
    config = read_config(content.decode())
    if config.sensor_id != order.sensor_id or config.key_id != order.key_id:
        raise ConfigError("sensor_id and key_id", "those of this sensor")
    remove("key.trial")  # of an order that was cut off
    replace_file("config.new", content)


def _take_key(order: Order) -> None:
    from gridecho.config import read_config  # not in the heap else

    content = read_file("order.part") or b""
    text = _with_key_id((read_file("config.json") or b"").decode(), content[0])
    if content[0] == order.key_id or read_config(text).key_id != content[0]:
        raise ConfigError("key_id", "another one than before")
    replace_file("key.trial", content[1:])
    replace_file("config.new", text.encode())


def _with_key_id(text: str, key_id: int) -> str:
    """Settings with another key id; all else stays as it was typed."""
    at = text.find('"key_id"')
    while at >= 0 and text[at + 8 :].lstrip()[:1] != ":":  # a Wi-Fi may have that name
        at = text.find('"key_id"', at + 8)
    if at < 0:
        at = text.find("{") + 1
        return '%s"key_id": %d, %s' % (text[:at], key_id, text[at:])
    at = end = text.find(":", at) + 1
    while end < len(text) and text[end] not in ",}":
        end += 1
    return "%s %d%s" % (text[:at], key_id, text[end:])


def _unpack(slot: str) -> "Iterator[None]":
    from gridecho.fileset import SetReader

    yield from _remove_tree(slot)
    reader = SetReader(_Sink(slot))
    with open("order.part", "rb") as file:
        data = file.read(_CHUNK)
        while data:
            reader.feed(data)
            yield None
            data = file.read(_CHUNK)
    if not reader.done():
        raise ValueError("the set is cut short")


class _Sink:
    """Writes the files of a set into a slot, and reads each back."""

    def __init__(self, slot: str) -> None:
        self._slot = slot
        self._path = ""
        self._file: Any = None

    def begin(self, path: str, length: int) -> None:
        parts = path.split("/")
        parts[0] = self._slot
        for i in range(1, len(parts)):
            try:
                os.mkdir("/".join(parts[:i]))
            except OSError:
                pass  # it is there
        self._path = "/".join(parts)
        self._file = open(self._path, "wb")

    def write(self, data: bytes) -> None:
        self._file.write(data)

    def end(self, digest: bytes) -> None:
        self._file.close()
        if _digest(self._path) != digest:
            raise ValueError("flash does not keep " + self._path)


def _other_slot() -> str:
    return "lib" if _words("slot") == ["lib_b"] else "lib_b"


def _remove_tree(folder: str) -> "Iterator[None]":
    try:
        names = os.listdir(folder)
    except OSError:
        return  # there is none
    for name in names:
        path = folder + "/" + name
        if os.stat(path)[0] & 0x4000:
            yield from _remove_tree(path)
            os.rmdir(path)
        else:
            os.remove(path)
            yield None


def _digest(name: str) -> bytes:
    digest = sha256(b"")
    with open(name, "rb") as file:
        data = file.read(_CHUNK)
        while data:
            digest.update(data)
            data = file.read(_CHUNK)
    return digest.digest()


def _kind(order: Order) -> bytes:
    return b"firmware" if order.kind == FIRMWARE else b"config"  # a new key comes with settings that name it


def _words(name: str) -> "list[str]":
    return (read_file(name) or b"").decode().split()


def _numbers(name: str, count: int) -> "list[int]":
    words = _words(name)
    return [whole(word) for word in words] if len(words) == count else [0] * count
