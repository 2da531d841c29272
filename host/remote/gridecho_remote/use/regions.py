"""The regions that somebody may ask about: those in which sensors of theirs are, and those of which they were granted sums.

Of a grant of sums only the region that it names is told: that there is another in it would tell that somebody lives there.
"""

from dataclasses import dataclass
from typing import Any

from ..rules import regions, scopes
from ..rules.actor import Actor
from ..rules.scopes import Place, Scope
from ..rules.units import codes_of, unit
from ..store import grants
from . import looks, shared
from .site import Site

MOST = 1_000  # in one answer


@dataclass(frozen=True, slots=True)
class Region:
    """A region ("": everywhere); whether they see sensors of it `singly`, and whether its `sums` may be asked for."""

    path: str
    singly: bool
    sums: bool


def mine(site: Site, actor: Actor, after: str | None = None, limit: int = MOST) -> list[Region]:
    """The regions of who asks, in order of code points, those after `after`, at most `limit`. Raises NotAllowedError."""
    actor.require_person()
    every, part = shared.scopes_of(site, actor)
    seen = {path for region in _singly(site, every, part) for path in regions.around(region)[1:]}
    # What is open to a program is open to its owner, and its own.
    wide = [[scope for scope in every if scope.holds(site.clock()) and _is_wide(scope)]]
    if actor.by is not None:
        wide.append([actor.by.part] if actor.by.consent is None and _is_wide(actor.by.part) else [])

    def sums(path: str) -> bool:
        return all(any(regions.inside(path, scope.region or "") for scope in some) for some in wide)

    named = {path for some in wide for scope in some if sums(path := scope.region or "")}
    page: dict[str, Any] = {} if after is None else {"after": after}
    looks.look(site, actor, "regions.mine", "regions", **page)
    return [Region(path, path in seen, sums(path)) for path in sorted(seen | named) if after is None or path > after][
        :limit
    ]


def _is_wide(scope: Scope) -> bool:
    """Whether it opens sums: they are over all sensors of a region."""
    return (
        scope.labels is None
        and scope.sensors is None
        and any(unit(code) == "Wh" for code in codes_of(scope.quantities))
    )


def _singly(site: Site, every: list[Scope], part: Scope | None) -> set[str]:
    """The regions in which sensors are that may be seen singly."""
    held = scopes.held(every, site.clock())
    # Of most grants not each sensor is looked at: what they say of one they say of all that are where it is.
    alike = [scope for scope in held if scope.labels is None and scope.sensors is None]
    if part is not None and (part.labels is not None or part.sensors is not None):
        alike = []
    found = {place.region for place in grants.places(site.archive, alike) if scopes.matching(alike, place, part)}
    others = [scope for scope in held if scope not in alike]
    for info, _, labels in grants.candidates(site.archive, others, part=part):
        if info.region not in found and scopes.matching(
            others, Place(info.id, info.region, info.category, labels), part
        ):
            found.add(info.region)
    return found
