"""Groups of relays, for operators: made, changed, joined, left, shown, and a term ended. `which` is a name or a number.

Each raises NotAllowedError for who is no operator, NotFoundError for no such group, RemoteError for what cannot be.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ..rules.actor import Actor
from ..rules.reasons import Reason, kept_reason
from ..store import groups, terms
from ..store.models import Group
from . import group_view
from .audit import noted
from .site import Site


@dataclass(frozen=True, slots=True)
class GroupInfo:
    """A group's settings, and in words when a term of it ends."""

    id: int
    name: str
    after_s: int | None
    after_forwards: int | None
    period_s: int
    condition: str


@dataclass(frozen=True, slots=True)
class TermInfo:
    """A term that began: its proxy, and why it is that one's turn."""

    number: int
    round: int
    proxy: int
    why: Reason


def all_groups(site: Site, actor: Actor) -> list[dict[str, Any]]:
    """A line for each group, 1,000 at most."""
    actor.require_operator()
    return group_view.all_groups(site.archive, site.now_ms())


def show(site: Site, actor: Actor, which: str, before: int | None = None) -> dict[str, Any]:
    """All of a group, the reasons as `Reason`; its past terms are those before the number `before`."""
    found = _found(site, actor, which)
    return group_view.whole(site.archive, found, site.now_ms(), before)


def show_term(site: Site, actor: Actor, which: str, number: int) -> dict[str, Any]:
    """One term with its histograms, as they were compared at its end."""
    found = _found(site, actor, which)
    return group_view.one_term(site.archive, found, number, site.now_ms())


def relays_outside(site: Site, actor: Actor) -> list[dict[str, Any]]:
    """Relays that are in no group, as far as a page has room for them."""
    actor.require_operator()
    return group_view.relays_outside(site.archive)


def add(
    site: Site, actor: Actor, name: str, after_s: int | None, after_forwards: int | None, period_s: int
) -> GroupInfo:
    """A new group without members. A term ends after `after_s` seconds, after so many forwards, or after what comes first."""
    actor.require_operator()
    wanted = {"after_s": after_s, "after_forwards": after_forwards, "period_s": period_s}
    with noted(site, actor, "groups.add", f"group {name.strip()}", **wanted):
        return _info(groups.add_group(site.archive, name, site.now_ms(), after_s, after_forwards, period_s))


def change(site: Site, actor: Actor, which: str, **changed: int | None) -> GroupInfo:
    """A new `after_s` or `after_forwards` (None: ends no term) at once, a new `period_s` from the next term on; the rest stays."""
    found = _found(site, actor, which)
    wanted = {name: getattr(found, name) for name in ("after_s", "after_forwards", "period_s")} | changed
    with noted(site, actor, "groups.change", f"group {found.name}", **wanted):
        groups.change_group(site.archive, found, **wanted)
    return _info(groups.find_group(site.archive, found.name))


def remove(site: Site, actor: Actor, which: str) -> str:
    """Removes a group with its history: the name it had."""
    found = _found(site, actor, which)
    with noted(site, actor, "groups.remove", f"group {found.name}"):
        groups.remove_group(site.archive, found)
    return str(found.name)


def join(site: Site, actor: Actor, which: str, relay_ids: Iterable[int]) -> tuple[str, list[int]]:
    """Puts relays into a group, out of those they were in: its name, and the members that it has then."""
    found = _found(site, actor, which)
    joining = list(relay_ids)
    with noted(site, actor, "groups.join", f"group {found.name}", relays=joining):
        groups.join(site.archive, found, joining, site.now_ms())
    return found.name, [one.relay_id for one in groups.members_of(site.archive, found.id)]


def leave(site: Site, actor: Actor, which: str, relay_ids: Iterable[int]) -> tuple[str, list[int]]:
    """Takes relays out of a group: its name, and the members that it has then."""
    found = _found(site, actor, which)
    leaving = list(relay_ids)
    with noted(site, actor, "groups.leave", f"group {found.name}", relays=leaving):
        groups.leave(site.archive, found, leaving)
    return found.name, [one.relay_id for one in groups.members_of(site.archive, found.id)]


def rotate(site: Site, actor: Actor, which: str) -> TermInfo:
    """Ends the present term; the next proxy is chosen as always."""
    found = _found(site, actor, which)
    with noted(site, actor, "groups.rotate", f"group {found.name}") as fields:
        term = terms.rotate(site.archive, found, site.now_ms())
        fields |= {"term": term.number, "proxy": term.proxy}
    return TermInfo(term.number, term.round, term.proxy, kept_reason(term.why))


def _found(site: Site, actor: Actor, which: str) -> Group:
    actor.require_operator()
    return groups.find_group(site.archive, which)


def _info(group: Group) -> GroupInfo:
    return GroupInfo(
        group.id, group.name, group.after_s, group.after_forwards, group.period_s, group_view.condition(group)
    )
