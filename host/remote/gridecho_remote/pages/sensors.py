"""The pages of sensors: the list of those that the user may see, and one with its load chart."""

from typing import Any

from flask import abort, render_template, request, url_for
from flask_login import current_user
from gridecho.quantities import POWER_IMPORT

from ..rules.units import ago, label, obis, scales, shown, shown_power, told, unit
from ..store import orders, timeline
from ..use import shared, undated
from ..web.context import the_site
from .blueprint import pages

_LIVE_S = 120
PAGE_SENSORS = 100


@pages.get("/")
def home() -> str:
    """My sensors: what is newest of each."""
    site = the_site()
    now_s = site.clock()
    after = max(-1, min(request.args.get("after", -1, type=int), 1 << 32))
    found = shared.sensors(site.archive, current_user.id, now_s, after, PAGE_SENSORS + 1)
    rows = [_row(shared.overview(site.archive, one, now_s), now_s) for one in found[:PAGE_SENSORS]]
    more = found[PAGE_SENSORS - 1].id if len(found) > PAGE_SENSORS else None
    return render_template("home.html", rows=rows, more=more, paged=after >= 0)


@pages.get("/sensors/<int:sensor_id>")
def sensor(sensor_id: int) -> str:
    """A sensor's load chart."""
    site = the_site()
    now_s = site.clock()
    one = shared.sensor(site.archive, current_user.id, sensor_id, now_s) if sensor_id < 1 << 32 else None
    if one is None:
        abort(404)
    extent = timeline.extent(site.archive, one.id, one.mask, now_s)
    quantities = [{"obis": obis(code), "unit": unit(code), "label": label(code)} for code in one.codes]
    chosen = obis(POWER_IMPORT) if POWER_IMPORT in one.codes else quantities[0]["obis"] if quantities else ""
    chart = {
        "readings": url_for("api.readings", sensor_id=one.id),
        "csv": url_for("api.readings_csv", sensor_id=one.id),
        "undated": url_for("api.undated_csv", sensor_id=one.id),
        "quantities": quantities,
        "scales": scales(),
        "first": extent and extent[0],
        "last": extent and extent[1],
        "now": now_s,
        "zone": site.settings.time_zone,
    }
    return render_template(
        "sensor.html",
        row=_row(shared.overview(site.archive, one, now_s), now_s),
        undated=undated.count(site.archive, one.id, one.mask),
        chosen=chosen,
        chart=chart,
        state=told(orders.sensor_state(site.archive, one.id)),
    )


def _row(overview: shared.Overview, now_s: float) -> dict[str, Any]:
    """An overview in the words of the pages."""
    latest, route = overview.latest, overview.route
    power = overview.power_w
    age_s = now_s - latest.time_s if latest else None
    state = "waiting" if age_s is None else "live" if age_s < _LIVE_S else "quiet"
    return {
        "sensor": overview.sensor,
        "power": None if power is None else shown_power(power),
        "ahead_until_s": overview.ahead_until_s,
        "seen_s": latest.time_s if latest else None,
        "seen": None if age_s is None else ago(age_s),
        "state": state,
        "relay": (overview.relay_name or f"relay {route.relay_id}") if route else None,
        "rtt": shown(route.rtt_us, "us") if route else None,
    }
