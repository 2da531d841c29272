"""Who has which role; it counts from their next request on."""

from collections import defaultdict

from ..rules.errors import RemoteError
from ..rules.roles import Role, RoleKind
from .database import Archive
from .models import HeldRole


def of(archive: Archive, user_id: int) -> list[Role]:
    """The roles of a user."""
    # Asked for at every request of a person.
    query = "SELECT kind, region FROM role WHERE user_id = ? ORDER BY kind, region"
    return [Role(RoleKind(kind), region) for kind, region in archive.connection().execute(query, (user_id,)).fetchall()]


def of_all(archive: Archive) -> dict[int, list[Role]]:
    """The roles of all users who have one, by the user's id."""
    found = defaultdict(list)
    query = HeldRole.select(HeldRole.user, HeldRole.kind, HeldRole.region).order_by(HeldRole.kind, HeldRole.region)
    for user_id, kind, region in query.tuples().execute(archive.db):
        found[user_id].append(Role(RoleKind(kind), region))
    return found


def give(archive: Archive, user_id: int, role: Role) -> None:
    """A user has this role, if they did not have it before."""
    with archive.writing() as connection:
        connection.insert("role", "user_id, kind, region", [(user_id, str(role.kind), role.region)])


def take(archive: Archive, user_id: int, role: Role) -> None:
    """A user has this role no more. Raises RemoteError if they did not have it."""
    gone = HeldRole.delete().where(
        HeldRole.user == user_id, HeldRole.kind == str(role.kind), HeldRole.region == role.region
    )
    if not gone.execute(archive.db):
        raise RemoteError("role-unknown", role=str(role))
