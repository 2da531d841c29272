"""The power goes between any two syncs of a relay: whatever its files hold then, nothing that was acknowledged is missing."""

import random
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from gridecho_relay.holding import Limits
from gridecho_relay.ledger import Ledger

from tests.rigs.disk_images import FILES, Damage, Disk, Image, dropped, is_sync, scattered, torn
from tests.rigs.processes import frames_in
from tests.rigs.recording import Recording

EACH = (dropped, torn, scattered)
TWICE = (*EACH, torn, scattered)
EVERY_SYNC = 1.0
_SENDS = ("sendto", "sendmsg", "sendmmsg")


@dataclass(frozen=True, slots=True)
class Cut:
    """Files after a cut, and what must be in them: what was acknowledged, but for what the remote had signed for."""

    image: Image
    needed: set[bytes]
    what: str


def cuts(recording: Recording, damages: Sequence[Damage], share: float) -> Iterator[Cut]:
    """For a share of the stretches between two syncs, evenly: a cut with each damage.

    Dropped is all that was written in the stretch, so it is held against what was acknowledged to its end and signed for before
    its beginning, which is the most that can be asked at any moment of it. The others are cut at a moment of their own.
    """
    chance = random.Random(4)
    disk = Disk(recording.data_dir, recording.before)
    # An ACK counts from when its call began, a sync or a receipt from when it had returned.
    waited_for = (
        (call.ended if is_sync(call) or call.name == "recvfrom" else call.begun, call) for call in recording.calls
    )
    acked: set[bytes] = set()
    signed: set[bytes] = set()
    new: list[tuple[int, bool, set[bytes]]] = []  # since the last sync: when, whether signed for, data ids
    number, due, since = 0, 0.0, 0
    for place, call in sorted(waited_for, key=lambda event: event[0]):
        if is_sync(call):
            number, due = number + 1, due + share
            for damage in damages if due >= 1 else ():
                until = place if damage is dropped else chance.randint(since, place)
                here, gone = acked.copy(), signed.copy()
                for at, is_signed, ids in new:
                    if at < until and not (is_signed and damage is dropped):
                        (gone if is_signed else here).update(ids)
                yield Cut(
                    disk.image(damage, chance, until),
                    here - gone,
                    f"{damage.__name__} at sync {number}, line {until + 1}",
                )
            due -= due >= 1
            for _, is_signed, ids in new:
                (signed if is_signed else acked).update(ids)
            new.clear()
            disk.synced(call)
            since = place
        elif call.name == "recvfrom":
            new += [(place, True, recording.data_ids[batch_id]) for batch_id in call.receipts()]
        elif call.name in _SENDS:
            if ids := set(call.acks()):
                new.append((place, False, ids))
        else:
            disk.changed(call)


def opened(cut: Cut, folder: Path) -> list[bytes]:
    """The frames in an image, read after SQLite recovered it."""
    for name in (*FILES, "relay.sqlite-shm"):
        (folder / name).unlink(missing_ok=True)
    for name, content in cut.image.items():
        (folder / name).write_bytes(content)
    return frames_in(folder / "relay.sqlite", as_it_is=False)


def lost(recording: Recording, cut: Cut, folder: Path) -> set[bytes]:
    """What was acknowledged and is not in the image. Fails for a frame that nobody sent or that is there twice."""
    found = opened(cut, folder)
    ids = {frame[4:16] for frame in found}
    assert len(ids) == len(found), f"{cut.what}: a datum is there twice"
    strange = [frame for frame in found if frame not in recording.load.frames[frame[4:16]]]
    assert not strange, f"{cut.what}: {len(strange)} frames are damaged"
    return cut.needed - ids


def is_sound(folder: Path) -> bool:
    """Whether the image holds together, for SQLite and for a relay that starts on it."""
    connection = sqlite3.connect(folder / "relay.sqlite")
    (answer,) = connection.execute("PRAGMA integrity_check").fetchone()
    connection.close()
    Ledger(folder / "relay.sqlite", Limits(1 << 30, 1 << 20, 1 << 30, 1 << 30)).close()
    return bool(answer == "ok")


def syncs_of(recording: Recording) -> int:
    return sum(map(is_sync, recording.calls))


def share_for(recording: Recording, damages: Sequence[Damage], images: int) -> float:
    """The share of the syncs from which there are so many images."""
    return min(EVERY_SYNC, images / len(damages) / syncs_of(recording))


def check_cuts(recording: Recording, scratch: Path, damages: Sequence[Damage], share: float) -> None:
    """No cut loses what was acknowledged, and what is left holds together."""
    # It was worth it: receipts came, and the WAL was written back and begun anew in the midst of it.
    assert (
        sum(len(call.receipts()) for call in recording.calls if call.name == "recvfrom") == len(recording.data_ids) > 2
    )
    database = str(recording.data_dir / "relay.sqlite")
    assert sum(is_sync(call) and call.path == database for call in recording.calls) >= 2
    images = needed = 0
    for cut in cuts(recording, damages, share):
        missing = lost(recording, cut, scratch)
        assert not missing, f"{cut.what}: {len(missing)} of {len(cut.needed)} are lost"
        images += 1
        needed = max(needed, len(cut.needed))
        if images % 25 == 0:
            assert is_sound(scratch), cut.what
    assert images >= 100
    assert needed > 100
    print(
        f"\npower cuts: {images} images from {syncs_of(recording)} syncs, up to {needed} data needed in one, none lost"
    )
