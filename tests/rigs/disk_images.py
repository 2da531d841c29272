"""A disk that loses its power: what a relay's files may hold after a cut, from its writes and syncs.

The model. A file holds what was written to it before its last sync that had returned began; of what was written since, any part
may be there or not, in sectors of 512 bytes, whatever the order, also across files. A new file's name is there for certain after
a sync of its folder, and a name that was taken away may be there again until then. The index of the WAL (-shm) is never kept:
SQLite makes it anew. Nothing that a write does not touch changes (what SQLite calls a power-safe overwrite).
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests.rigs.trace import Call

SECTOR = 512
FILES = ("relay.sqlite", "relay.sqlite-wal", "relay.sqlite-journal")


@dataclass(frozen=True, slots=True)
class Change:
    """A write of `content` at `at`; or without content, a cut of the file to `at` bytes."""

    begun: int  # in the order of calls
    ended: int
    at: int
    content: bytes | None


@dataclass(slots=True)
class File:
    """`safe` is on the disk for certain, `changes` may be there."""

    safe: bytearray
    changes: list[Change] = field(default_factory=list)
    named: bool = True
    removed: bool = False


Image = dict[str, bytes]
Damage = Callable[[File, list[Change], random.Random], bytes | bytearray]


class Disk:
    """The files of one folder, as calls change and sync them."""

    def __init__(self, folder: Path, before: dict[str, bytes]) -> None:
        self.files = {name: File(bytearray(before[name])) for name in FILES if name in before}
        self._folder = str(folder)

    def changed(self, call: Call) -> None:
        """A write, a cut, a new or a removed name. Writes count from their beginning: a part of them may be on disk at once."""
        if call.name == "openat":
            name = self._name(call.gave_path)
            if name in FILES and "O_CREAT" in call.arguments and (name not in self.files or self.files[name].removed):
                self.files[name] = File(bytearray(), named=False)
            return
        if call.name in ("unlink", "unlinkat", "rename", "renameat", "renameat2"):
            for name in (self._name(path.decode()) for path in call.strings()):
                assert not (name in FILES and call.name.startswith("rename")), "renaming is not in the model"
                if name in self.files:
                    self.files[name].removed = True
            return
        name = self._name(call.path)
        if name not in self.files:
            return
        if call.name == "pwrite64":
            (content,) = call.strings()
            assert len(content) == call.gave, "a write that was cut short"
            self.files[name].changes.append(Change(call.begun, call.ended, call.numbers()[-1], content))
        elif call.name == "ftruncate":
            self.files[name].changes.append(Change(call.begun, call.ended, call.numbers()[-1], None))
        else:
            assert call.name in ("recvfrom", "sendto"), f"{call.name} is not in the model"

    def synced(self, call: Call) -> None:
        """A sync returned."""
        if call.path == self._folder:
            for name in [name for name, file in self.files.items() if file.removed]:
                del self.files[name]
            for file in self.files.values():
                file.named = True
        file = self.files.get(self._name(call.path))
        if file is not None:
            for change in file.changes:
                if change.ended < call.begun:
                    apply(file.safe, change)
            file.changes = [change for change in file.changes if change.ended >= call.begun]

    def image(self, damage: Damage, chance: random.Random, until: int) -> Image:
        """The files after a cut before the call at `until`."""
        image = {}
        for name, file in self.files.items():
            changes = [change for change in file.changes if change.begun < until]
            certain = file.named and not file.removed
            if certain or (damage is not dropped and chance.random() < 0.5):
                image[name] = bytes(damage(file, changes, chance))
        return image

    def _name(self, path: str) -> str:
        folder, _, name = path.rpartition("/")
        return name if folder == self._folder else ""


def apply(content: bytearray, change: Change) -> None:
    if change.content is None:
        del content[change.at :]
        content.extend(bytes(change.at - len(content)))
        return
    content.extend(bytes(max(0, change.at - len(content))))
    content[change.at : change.at + len(change.content)] = change.content


def dropped(file: File, changes: list[Change], chance: random.Random) -> bytearray:
    """Nothing that was not synced is there."""
    return file.safe


def torn(file: File, changes: list[Change], chance: random.Random) -> bytearray:
    """Some of the changes are there, and one of these up to the end of some sector only."""
    content = bytearray(file.safe)
    share = chance.choice((0.2, 0.5, 0.8, 1.0))
    there = [change for change in changes if chance.random() < share]
    cut = chance.choice(there) if there else None
    for change in there:
        if change is cut and change.content is not None:
            first, end = change.at // SECTOR + 1, (change.at + len(change.content) - 1) // SECTOR
            boundary = chance.randint(first, max(first, end)) * SECTOR
            change = Change(change.begun, change.ended, change.at, change.content[: max(0, boundary - change.at)])
        apply(content, change)
    return content


def scattered(file: File, changes: list[Change], chance: random.Random) -> bytearray:
    """Each sector is as it was at some moment since the sync, whatever the others are."""
    if any(change.content is None for change in changes):
        return torn(file, changes, chance)
    content = bytearray(file.safe)
    sectors: dict[int, list[Change]] = {}
    for change in changes:
        assert change.content is not None
        at, end = change.at, change.at + len(change.content)
        while at < end:
            next_at = min(end, (at // SECTOR + 1) * SECTOR)
            part = change.content[at - change.at : next_at - change.at]
            sectors.setdefault(at // SECTOR, []).append(Change(change.begun, change.ended, at, part))
            at = next_at
    for parts in sectors.values():
        for part in parts[: chance.randint(0, len(parts))]:
            apply(content, part)
    return content


def is_sync(call: Call) -> bool:
    """Whether what was written before is on the disk for certain when it returns."""
    return call.name in ("fdatasync", "fsync")
