"""Groups of relays: their names, rotation conditions and members. Whose turn it is to be a group's proxy: terms.py."""

from collections.abc import Iterable
from typing import Any

from peewee import IntegrityError

from ..rules.errors import NotFoundError, RemoteError
from .database import Archive
from .models import Bar, Group, Member, Relay, Term

LEAST_PERIOD_S, MOST_PERIOD_S = 1, 3_600
_MOST_NAME = 64
MOST_NUMBER = (1 << 63) - 1  # SQLite's
_MOST_TERM_S = 366 * 86_400
_MOST_FORWARDS = 1_000_000_000


def add_group(
    archive: Archive,
    name: str,
    now_ms: int,
    after_s: int | None = 3600,
    after_forwards: int | None = None,
    period_s: int = 60,
) -> Group:
    """A new group without members. Raises RemoteError if the name is taken or a value cannot be."""
    name = name.strip()
    if not name or len(name) > _MOST_NAME or name.isdecimal():
        raise RemoteError("group-name", most=_MOST_NAME)
    _check(after_s, after_forwards, period_s)
    row: dict[str, Any] = {
        "name": name,
        "after_s": after_s,
        "after_forwards": after_forwards,
        "period_s": period_s,
        "made_ms": now_ms,
    }
    with archive.writing() as connection:
        connection.lock("relay_group")
        # An id is given once, ever: a relay may still keep a turn of a group that was removed.
        row["id"] = int(archive.meta("groups_made") or 0) + 1
        try:
            Group.insert(**row).execute(archive.db)
        except IntegrityError:
            raise RemoteError("group-taken", name=name) from None
        archive.set_meta("groups_made", str(row["id"]))
    return Group(**row)


def change_group(
    archive: Archive, group: Group, after_s: int | None, after_forwards: int | None, period_s: int
) -> None:
    """A new rotation condition at once, and a new sampling period from the next term on. Raises RemoteError."""
    _check(after_s, after_forwards, period_s)
    change = Group.update(after_s=after_s, after_forwards=after_forwards, period_s=period_s)
    change.where(Group.id == group.id).execute(archive.db)


def remove_group(archive: Archive, group: Group) -> None:
    """Its relays talk to the remote themselves from their next heartbeat on; its history goes with it."""
    with archive.writing() as connection:
        connection.lock("relay_group", [group.id])
        for model in (Member, Term, Bar):
            model.delete().where(model.group_id == group.id).execute(archive.db)
        Group.delete().where(Group.id == group.id).execute(archive.db)


def join(archive: Archive, group: Group, relay_ids: Iterable[int], now_ms: int) -> None:
    """Puts relays into a group; a relay is in one at most. Raises RemoteError for one that is not enrolled."""
    relay_ids = list(relay_ids)
    with archive.writing() as connection:
        connection.lock("relay", relay_ids)
        connection.lock("relay_group", [group.id])
        if not Group.select().where(Group.id == group.id).exists(archive.db):
            raise NotFoundError("group-unknown", name=group.name)
        for relay_id in relay_ids:
            if not Relay.select().where(Relay.id == relay_id).exists(archive.db):
                raise RemoteError("relay-unknown", relay_id=relay_id)
            present = Member.select(Member.group_id).where(Member.relay_id == relay_id).scalar(archive.db)
            if present != group.id:
                Member.delete().where(Member.relay_id == relay_id).execute(archive.db)
                Member.insert(relay_id=relay_id, group_id=group.id, joined_ms=now_ms).execute(archive.db)


def leave(archive: Archive, group: Group, relay_ids: Iterable[int]) -> None:
    """Takes relays out of their group; they talk to the remote themselves from their next heartbeat on."""
    with archive.writing():
        for relay_id in relay_ids:
            out = Member.delete().where(Member.relay_id == relay_id, Member.group_id == group.id)
            if not out.execute(archive.db):
                raise RemoteError("relay-no-member", relay_id=relay_id, name=group.name)


def find_group(archive: Archive, name: str) -> Group:
    """The group of this name, or with this number. Raises RemoteError."""
    found: Group | None = Group.select().where(Group.name == name).first(archive.db)
    if found is None and name.isdecimal():
        found = Group.select().where(Group.id == min(int(name), MOST_NUMBER)).first(archive.db)
    if found is None:
        raise NotFoundError("group-unknown", name=name)
    return found


def all_of(archive: Archive, most: int) -> list[Group]:
    """The groups by name, `most` at most."""
    return list(Group.select().order_by(Group.name).limit(most).execute(archive.db))


def outside(archive: Archive, most: int) -> list[tuple[int, str]]:
    """(id, name) of relays that are in no group, by id; `most` at most."""
    grouped = Member.select(Member.relay_id)
    query = Relay.select(Relay.id, Relay.name).where(Relay.id.not_in(grouped)).order_by(Relay.id).limit(most)
    return list(query.tuples().execute(archive.db))


def group_of(archive: Archive, relay_id: int) -> int | None:
    """The id of the group that a relay is in."""
    found: int | None = Member.select(Member.group_id).where(Member.relay_id == relay_id).scalar(archive.db)
    return found


def of_relays(archive: Archive, relay_ids: Iterable[int]) -> dict[int, tuple[int, str]]:
    """The id and the name of the group of each of these relays that is in one."""
    query = Member.select(Member.relay_id, Group.id, Group.name).join(Group, on=(Group.id == Member.group_id))
    rows = query.where(Member.relay_id.in_(list(relay_ids))).tuples().execute(archive.db)
    return {relay_id: (group_id, name) for relay_id, group_id, name in rows}


def members_of(archive: Archive, group_id: int) -> list[Member]:
    """The members of a group, by relay id."""
    return list(Member.select().where(Member.group_id == group_id).order_by(Member.relay_id).execute(archive.db))


def _check(after_s: int | None, after_forwards: int | None, period_s: int) -> None:
    if after_s is None and after_forwards is None:
        raise RemoteError("term-endless")
    if after_s is not None and not 1 <= after_s <= _MOST_TERM_S:
        raise RemoteError("term-seconds")
    if after_forwards is not None and not 1 <= after_forwards <= _MOST_FORWARDS:
        raise RemoteError("term-forwards")
    if not LEAST_PERIOD_S <= period_s <= MOST_PERIOD_S:
        raise RemoteError("period-range")
    if after_s is not None and period_s >= after_s:
        raise RemoteError("period-long")
