"""Grants, which the operator gives and revokes: who may see what, until when."""

from collections.abc import Iterable

from ..rules.actor import Actor
from ..store import grants
from ..store.grants import GrantInfo
from .audit import noted
from .site import Site


def grant(
    site: Site,
    actor: Actor,
    user: str,
    *,
    region: str | None,
    category: str | None,
    sensor_id: int | None,
    quantities: Iterable[str],
    expires_s: int | None,
) -> int:
    """Lets a user see the sensors that match all selectors given, and of them the quantities (none: all). The grant's number.

    Raises RemoteError for an unknown user or quantity, or if nothing is selected.
    """
    actor.require_terminal()
    scope = {"region": region, "category": category, "sensor_id": sensor_id, "expires_s": expires_s}
    names = list(quantities)
    with noted(site, actor, "granting.grant", "", user=user, quantities=names, **scope) as fields:
        number = grants.add_grant(
            site.archive,
            user,
            region=region,
            category=category,
            sensor_id=sensor_id,
            quantities=names,
            expires_s=expires_s,
            now_s=site.clock(),
        )
        fields["subject"] = f"grant {number}"
    return number


def revoke(site: Site, actor: Actor, number: int) -> None:
    """Ends a grant from the user's next request on. Raises RemoteError if there is none to revoke."""
    actor.require_terminal()
    with noted(site, actor, "granting.revoke", f"grant {number}"):
        grants.revoke_grant(site.archive, number, site.clock())


def all_grants(site: Site, actor: Actor) -> list[GrantInfo]:
    """All grants, revoked ones too, in the order they were given."""
    actor.require_terminal()
    return grants.list_grants(site.archive)
