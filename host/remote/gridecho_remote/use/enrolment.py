"""Taking in sensors and relays, and what takes a lost relay's place: by the operator, from a file, or by a one-time code."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, Field

from ..rules import categories, regions
from ..rules.actor import Actor, Kind
from ..rules.errors import RemoteError
from ..store import enrol, enrol_codes
from ..store.enrol import SensorInfo
from ..store.enrol_codes import Enrolled
from . import enrolment_files, orders
from .audit import note, noted
from .enrolment_files import Entry
from .site import Site

__all__ = ("Enrolled", "SensorInfo")


class Question(BaseModel):
    """What a relay asks with that enrols itself. `nonce` is its own, so that nobody else gets its answer a second time."""

    code: Annotated[str, Field(min_length=8, max_length=64)]
    nonce: Annotated[str, Field(pattern="^[0-9a-f]{32}$")]
    name: Annotated[str, Field(max_length=64)] = ""


@dataclass(frozen=True, slots=True)
class Code:
    """A one-time code. `lost`: so many data are on the relay alone whose place is to be taken, as far as the index knows."""

    code: str
    lost: int | None = None


@dataclass(frozen=True, slots=True)
class Imported:
    """What was done for each sensor of a file, and the epochs of those with a new key that are ahead of the clock."""

    done: dict[int, str]
    ahead: dict[int, int]


def all_sensors(site: Site, actor: Actor) -> Sequence[SensorInfo]:
    """All enrolled sensors, by id."""
    actor.require_terminal()
    return enrol.sensors(site.archive)


def enrol_sensor(
    site: Site, actor: Actor, sensor_id: int, name: str, region: str, category: str, root: bytes, key_id: int
) -> int | None:
    """Takes a sensor in with its 32-byte root key. Raises RemoteError if a value cannot be.

    One that is enrolled with another key id is sent this key over the air, and keeps its labels: the version of that order.
    """
    actor.require_terminal()
    known = enrol.sensor_key(site.archive, sensor_id)
    if known is not None and known[0] != key_id:
        return orders.push_key(site, actor, sensor_id, key_id, root)
    _enrol(site, actor, sensor_id, (name, region, category), root, key_id)
    return None


def _enrol(site: Site, actor: Actor, sensor_id: int, labels: tuple[str, str, str], root: bytes, key_id: int) -> None:
    name, region, category = labels
    if region and category:
        region, category = regions.parsed(region), categories.checked(category)
    said = {"name": name, "region": region, "category": category}
    with noted(site, actor, "enrolment.enrol_sensor", f"sensor {sensor_id}", key_id=key_id, **said):
        enrol.enrol_sensor(site.archive, sensor_id, name, region, category, root, key_id, site.clock())


def enrol_relay(site: Site, actor: Actor, relay_id: int, name: str, secret: bytes) -> None:
    """Takes a relay in with its 32-byte secret. Raises RemoteError if the id is taken or a value cannot be."""
    actor.require_terminal()
    with noted(site, actor, "enrolment.enrol_relay", f"relay {relay_id}", name=name):
        enrol.enrol_relay(site.archive, relay_id, name, secret, site.clock())


def replace_relay(site: Site, actor: Actor, relay_id: int, name: str, secret: bytes) -> int:
    """Gives a relay's id to the one that takes its place: how many data were on the lost one alone. Raises RemoteError."""
    actor.require_terminal()
    with noted(site, actor, "enrolment.replace_relay", f"relay {relay_id}", name=name) as fields:
        lost = enrol.replace_relay(site.archive, relay_id, secret, name)
        fields["lost"] = lost
    return lost


def make_code(site: Site, actor: Actor, name: str, hours: float, replaces: int | None = None) -> Code:
    """A one-time code for a relay that is to be called so, or that takes the place of another one. Raises RemoteError."""
    actor.require_operator()
    subject = "relay" if replaces is None else f"relay {replaces}"
    with noted(site, actor, "enrolment.make_code", subject, name=name, hours=hours):
        code = enrol_codes.make_code(site.archive, name, int(site.clock() + hours * 3600), replaces)
    return Code(code, None if replaces is None else enrol.held_by(site.archive, replaces))


def is_code(site: Site, code: str) -> bool:
    """Whether there is such a code, used or not."""
    return enrol_codes.is_code(site.archive, code)


def use_code(site: Site, asked: Question) -> Enrolled | None:
    """Enrols the relay that shows a code; None if it is unknown, expired, or used with another nonce or too long ago."""
    with site.archive.writing():
        enrolled = enrol_codes.use_code(site.archive, asked.code, asked.nonce, int(site.clock()))
        if enrolled is not None:
            relay = Actor(Kind.RELAY, enrolled.relay_id)
            note(site, relay, "enrolment.use_code", f"relay {enrolled.relay_id}", name=enrolled.name)
    return enrolled


def public_text(site: Site, actor: Actor) -> str:
    """The remote's enrolment key, to which those seal keys who flash boards away from here. It is no secret."""
    actor.require_operator()
    return enrolment_files.public_text(enrolment_files.public_key(site.archive))


def import_file(site: Site, actor: Actor, path: Path, replaced: frozenset[int]) -> Imported:
    """Takes in the sensors of an enrolment file; those of `replaced` whatever key their id has. May be repeated.

    Raises RemoteError at one that cannot be; what came before it is in.
    """
    actor.require_terminal()
    return _take(site, actor, enrolment_files.read_entries(path).values(), replaced)


def import_text(site: Site, actor: Actor, text: str) -> Imported:
    """The same, of the text of such a file."""
    actor.require_operator()
    return _take(site, actor, enrolment_files.entries_in(text).values(), frozenset())


def _take(site: Site, actor: Actor, entries: Iterable[Entry], replaced: frozenset[int]) -> Imported:
    done = {entry.sensor_id: take_entry(site, actor, entry, entry.sensor_id in replaced) for entry in entries}
    now_s = site.clock()
    epochs = {one: enrol.highest_epoch(site.archive, one) for one, what in done.items() if what == "new key"}
    return Imported(done, {sensor_id: epoch for sensor_id, epoch in epochs.items() if epoch > now_s})


def take_entry(site: Site, actor: Actor, entry: Entry, replaces: bool = False) -> str:
    """Takes the sensor of an enrolment file in: "enrolled", "new key" or "known". May be repeated.

    Raises RemoteError if it is not for this remote, or its id is another key's and it does not replace that.
    """
    actor.require_operator()
    root = enrolment_files.unseal(entry, site.archive.vault.enrolment_key)
    known = enrol.sensor_key(site.archive, entry.sensor_id)
    check = None if known is None else enrolment_files.key_check(known[1])
    if check == entry.check:
        return "known"
    if check is not None and check not in entry.replaces and not replaces:
        raise RemoteError("sensor-other-key", sensor_id=entry.sensor_id)
    _take_key(site, actor, entry.sensor_id, entry.key_id, root, (entry.name, entry.region, entry.category))
    return "enrolled" if check is None else "new key"


def take_flashed(
    site: Site, actor: Actor, sensor_id: int, key_id: int, root: bytes, labels: tuple[str, str, str]
) -> None:
    """Takes in the key that a board has now: a new sensor with name, region and category, or a known one's new key.

    Raises RemoteError if a value cannot be.
    """
    actor.require_terminal()
    _take_key(site, actor, sensor_id, key_id, root, labels)


def _take_key(site: Site, actor: Actor, sensor_id: int, key_id: int, root: bytes, labels: tuple[str, str, str]) -> None:
    if enrol.sensor_key(site.archive, sensor_id) is None:
        _enrol(site, actor, sensor_id, labels, root, key_id)
    else:
        with noted(site, actor, "enrolment.take_flashed", f"sensor {sensor_id}"):
            enrol.replace_key(site.archive, sensor_id, root)
