"""The operators' pages of the fleet: how relays are, which of them sensors chose, orders, firmware, what was set aside."""

from typing import Any

from flask import Blueprint, abort, render_template, request

from ..use import fleet, relays
from ..web.context import the_actor, the_site
from ..web.guard import Need, needs

fleet_pages = Blueprint("fleet_pages", __name__)

_AT_ONCE, _ROWS = 100, 50
_MOST_PAGE = 1_000_000
_MOST_ID = (1 << 32) - 1
_FULL_PERCENT = 80  # from here on it is shown as a warning


@fleet_pages.get("/relays")
@needs(Need.OPERATOR)
def all_relays() -> str:
    """The list by id, or those of a name or a state."""
    named, after = _word("named"), _after()
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
        full_percent=_FULL_PERCENT,
        **_paged(after, more),
    )


@fleet_pages.get("/fleet/routes")
@needs(Need.OPERATOR)
def routes() -> str:
    """Which relays each sensor found, and which it chose; of those of a name, or that chose a relay."""
    site, actor = the_site(), the_actor()
    named, after = _word("named"), _after()
    relay_id = request.args.get("relay", type=int)
    relay_id = relay_id if relay_id is not None and 0 < relay_id <= _MOST_ID else None
    found = fleet.ways(site, actor, named, relay_id, after, _ROWS + 1)
    relay = None if relay_id is None else fleet.relay_name(site, actor, relay_id) or relay_id
    kept = {"named": named or None, "relay": relay_id}
    more = found[_ROWS - 1].sensor.id if len(found) > _ROWS else None
    return render_template(
        "routes.html",
        rows=found[:_ROWS],
        named=named,
        relay=relay,
        kept=kept,
        now_s=site.clock(),
        **_paged(after, more),
    )


@fleet_pages.get("/fleet/orders")
@needs(Need.OPERATOR)
def all_orders() -> str:
    """What sensors were to take over, and what became of it; of a state."""
    site = the_site()
    state = request.args.get("state", "")
    state = state if state in fleet.ORDER_STATES else ""
    after = _after(), max(-1, min(request.args.get("version", -1, type=int), _MOST_ID))
    found = fleet.ordered(site, the_actor(), state, after, _ROWS + 1)
    last = found[_ROWS - 1].order if len(found) > _ROWS else None
    return render_template(
        "orders.html",
        rows=found[:_ROWS],
        state=state,
        states=fleet.ORDER_STATES,
        version=last.version if last else None,
        now_s=site.clock(),
        **_paged(after[0], last.sensor if last else None),
    )


@fleet_pages.get("/fleet/firmware")
@needs(Need.OPERATOR)
def firmware() -> str:
    """How many sensors run which firmware."""
    return render_template("firmware.html", rows=fleet.firmwares(the_site(), the_actor()), fleet=fleet)


@fleet_pages.get("/fleet/firmware/<int(signed=True):number>")
@needs(Need.OPERATOR)
def that_run(number: int) -> str:
    """The sensors that run one."""
    if not fleet.UNKNOWN <= number < 1 << 31:
        abort(404)
    after = _after()
    found = fleet.that_run(the_site(), the_actor(), number, after, _ROWS + 1)
    more = found[_ROWS - 1].id if len(found) > _ROWS else None
    return render_template("that_run.html", rows=found[:_ROWS], number=number, fleet=fleet, **_paged(after, more))


@fleet_pages.get("/fleet/alarms")
@needs(Need.OPERATOR)
def alarms() -> str:
    """What was set aside, from whom, and what to do."""
    site = the_site()
    page = max(1, min(request.args.get("page", 1, type=int), _MOST_PAGE))
    found = fleet.alarms(site, the_actor(), (page - 1) * _ROWS, _ROWS + 1)
    rows = [
        {"alarm": one, "sensor": sensor, "s_ago": site.clock() - one.last_ms / 1000} for one, sensor in found[:_ROWS]
    ]
    return render_template("alarms.html", rows=rows, clone=fleet.CLONE, page=page, more=len(found) > _ROWS)


def _word(name: str) -> str:
    return request.args.get(name, "").strip()[:100]


def _after() -> int:
    return max(-1, min(request.args.get("after", -1, type=int), _MOST_ID))


def _paged(after: int, more: int | None) -> dict[str, Any]:
    return {"paged": after >= 0, "more": more}
