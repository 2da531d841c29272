"""The operators' page of relays: how each is, from its last heartbeat, and what it holds."""

from flask import Blueprint, render_template, request

from ..use import relays
from ..web.context import the_actor, the_site
from ..web.guard import Need, needs

fleet_pages = Blueprint("fleet_pages", __name__)

_AT_ONCE = 100
_MOST_ID = (1 << 32) - 1
_FULL_PERCENT = 80  # from here on it is shown as a warning


@fleet_pages.get("/relays")
@needs(Need.OPERATOR)
def all_relays() -> str:
    """The list by id, or those of a name or a state."""
    named = request.args.get("named", "").strip()[:100]
    after = max(-1, min(request.args.get("after", -1, type=int), _MOST_ID))
    state = request.args.get("state", "")
    state = state if state in relays.STATES else ""
    found = relays.all_relays(the_site(), the_actor(), after, _AT_ONCE + 1, named, state)
    more = found[_AT_ONCE - 1].id if len(found) > _AT_ONCE else None
    return render_template(
        "relays.html",
        rows=found[:_AT_ONCE],
        named=named,
        state=state,
        kept={"named": named or None, "state": state or None},
        paged=after >= 0,
        more=more,
        full_percent=_FULL_PERCENT,
    )
