"""What is to be done to a board, decided from what was seen on it; no I/O."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from .errors import FlashingError, SetupError
from .link import Seen

LEAST_VERSION = (1, 24)
_MPY_VERSION = 6  # of mpy-cross's output
KEEP, FINISH, NEW = "kept", "finished", "new"
# The last thing to be written and the first to be removed: a board whose files are not whole does not start.
STARTER = "main.py"
# Slots and trials of orders from the remote end with what a cable wrote.
LEFT_OVER = ("slot", "trial", "key.trial")


@dataclass(frozen=True)
class Changes:
    """Files to write (in this order) and paths to remove."""

    write: dict[str, bytes]
    remove: list[str]

    def __bool__(self) -> bool:
        return bool(self.write or self.remove)


def check_interpreter(port: str, seen: Seen) -> None:
    """Raises SetupError if this is no MicroPython that the firmware runs on."""
    if seen.interpreter != "micropython" or seen.version[:2] < LEAST_VERSION:
        version = ".".join(map(str, seen.version))
        raise SetupError(
            f"{port}: runs {seen.interpreter} {version}, and MicroPython 1.24 or newer is needed; "
            f"write one with: gridecho flash interpreter --port {port} --image FILE"
        )
    if seen.mpy != _MPY_VERSION:
        raise SetupError(
            f"{port}: this MicroPython reads bytecode version {seen.mpy}, and gridecho makes {_MPY_VERSION}"
        )


def changes(seen: Seen, wanted: Mapping[str, bytes]) -> Changes:
    """What brings the board to `wanted`. Of lib/gridecho* nothing else stays, of the rest everything."""
    write = {
        path: content
        for path, content in wanted.items()
        if seen.files.get(path, (0, None))[1] != hashlib.sha256(content).hexdigest()
    }
    firmware = any(path.startswith("lib/") for path in wanted)
    remove = [
        path
        for path in seen.files
        if path not in wanted
        and ((firmware and path.startswith("lib/gridecho")) or path.removesuffix(".new") in wanted or path in LEFT_OVER)
    ]
    return Changes(write, remove)


def check_space(port: str, seen: Seen, todo: Changes) -> None:
    """Raises FlashingError if flash is too small for it."""

    def blocks(size: int) -> int:
        return -(-size // seen.block_bytes)

    more = sum(
        blocks(len(content)) - blocks(seen.files.get(path, (0, None))[0]) for path, content in todo.write.items()
    )
    beside = max((blocks(len(content)) for content in todo.write.values()), default=0)
    freed = sum(blocks(seen.files[path][0]) for path in todo.remove)
    need = (more + beside + 4 - freed) * seen.block_bytes
    if todo.write and need > seen.free_bytes:
        raise FlashingError(
            f"{port}: {need:,} bytes of flash are needed and {seen.free_bytes:,} are free; "
            "remove files of your own from the board, or erase it: gridecho flash erase"
        )


def key_step(port: str, sensor_id: int, seen: Seen, known: str | None, complete: bool, rekey: bool) -> str:
    """KEEP the key that the board has, FINISH what a run began that was cut off, or make a NEW one.

    `known` is the check value of the key that the place of enrolment has for this sensor, `complete` whether None means that it is
    not enrolled. Raises FlashingError where board and remote know different keys.
    """
    if seen.waiting and seen.waiting == known:
        return FINISH
    if rekey:
        return NEW
    if not seen.key:
        if known is None:
            return NEW
        why = f"sensor {sensor_id} is enrolled with a key that this board does not have"
    elif known == seen.key or (known is None and not complete):
        return KEEP
    elif known is None:
        why = f"this board has a key, and the remote does not know sensor {sensor_id}"
    else:
        why = f"sensor {sensor_id} is enrolled with another key than this board has"
    raise FlashingError(f"{port}: {why}; if it is to be this board, give it a new key: gridecho flash rekey")


def differences(seen: Seen, wanted: Mapping[str, bytes], known: str | None, complete: bool | None) -> list[str]:
    """What is not as it should be, a short sentence each. `complete` None: keys are not compared."""
    todo = changes(seen, wanted)
    said = [f"{path} {'differs' if path in seen.files else 'is missing'}" for path in todo.write]
    said += [f"{path} does not belong there" for path in todo.remove]
    said += [f"{name} is missing" for name in ("config.json", "key", "epoch") if name not in seen.files]
    if seen.waiting is not None:
        said.append("a new key waits to be taken over: gridecho flash board finishes it")
    if complete is not None and seen.key and known != seen.key and (complete or known is not None):
        said.append("the remote knows another key" if known else f"the remote does not know sensor {seen.sensor_id}")
    return said
