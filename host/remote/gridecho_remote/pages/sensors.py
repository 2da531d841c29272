"""The page of a sensor, with its load chart."""

from typing import Any

from flask import render_template, url_for
from flask_babel import gettext
from gridecho.quantities import POWER_IMPORT

from ..rules.scopes import Resolution
from ..rules.units import obis, scales, shown, shown_power, told, unit
from ..use import imports, lookers, sensors
from ..web.context import the_actor, the_site
from ..web.guard import Need, needs
from ..web.languages import sentence, the_language
from .blueprint import pages
from .language import ago, label

_LIVE_S = 120
_SECONDS = {
    Resolution.RAW: 0,
    Resolution.QUARTER: 900,
    Resolution.HOUR: 3_600,
    Resolution.DAY: 86_400,
    Resolution.MONTH: 2_592_000,
}


@pages.get("/sensors/<int:sensor_id>")
@needs(Need.PERSON)
def sensor(sensor_id: int) -> str:
    """A sensor's load chart."""
    site = the_site()
    now_s = site.clock()
    seen = sensors.look(site, the_actor(), sensor_id)
    one = seen.overview.sensor
    quantities = [{"obis": obis(code), "unit": unit(code), "label": label(code)} for code in one.codes]
    chosen = obis(POWER_IMPORT) if POWER_IMPORT in one.codes else quantities[0]["obis"] if quantities else ""
    chart = {
        "readings": url_for("api.readings", sensor_id=one.id),
        "csv": url_for("api.readings_csv", sensor_id=one.id),
        "green": url_for("api.green_button", sensor_id=one.id),
        "energy": url_for("api.energy", sensor_id=one.id),
        "undated": url_for("api.undated_csv", sensor_id=one.id),
        "quantities": quantities,
        "registers": [
            {"obis": obis(code), "label": label(code), "units": units, "by_hour": "hour" in units}
            for code, units in seen.energy.items()
            if "month" in units
        ],
        "routes": one.opened.technical,
        "live": seen.live,
        "finest": _SECONDS[one.opened.resolutions[0]],
        "scales": scales(),
        "first": seen.extent and seen.extent[0],
        "last": seen.extent and seen.extent[1],
        "now": now_s,
        "zone": site.days.name,
    }
    return render_template(
        "sensor.html",
        row=row_of(seen.overview, now_s),
        undated=seen.undated,
        exportable=seen.export,
        chosen=chosen,
        forms=_forms(one.id, seen.export) if quantities else [],
        chart=chart,
        state=told(seen.state, the_language()),
        imported=[_days(*span) for span in seen.imported],
        may_import=imports.may(site, the_actor(), one.id),
        own=lookers.is_mine(site, the_actor(), one.id),
    )


def _forms(sensor_id: int, export: bool) -> list[dict[str, Any]]:
    """In which forms the API gives readings: whether from and to are times, and what each is."""
    looked_at = [
        ("JSON", "api.readings", True, gettext("readings in pages, or a curve of about so many points")),
        ("JSON", "api.energy", False, gettext("energy by quarter of an hour, hour, day or month")),
    ]
    files = [
        ("CSV", "api.readings_csv", True, gettext("every reading, for spreadsheets")),
        ("Parquet", "api.readings_parquet", True, gettext("every reading, for pandas, DuckDB and the like")),
        (
            "Green Button",
            "api.green_button",
            True,
            gettext("energy and power as other energy programs read them (ESPI)"),
        ),
    ]
    return [
        {"name": name, "url": url_for(endpoint, sensor_id=sensor_id), "span": span, "what": what}
        for name, endpoint, span, what in [*looked_at, *(files if export else [])]
    ]


def _days(from_s: int, to_s: int) -> str:
    """A span in days."""
    days = the_site().days
    first, last = (days.date_of(int(days.number(time_s))) for time_s in (from_s, to_s - 1))
    return gettext("%(first)s to %(last)s", first=first, last=last) if first != last else str(first)


def row_of(overview: sensors.Overview, now_s: float) -> dict[str, Any]:
    """An overview in the words of the pages."""
    latest, route = overview.latest, overview.route
    power = overview.power_w
    age_s = now_s - latest.time_s if latest else None
    state = "waiting" if age_s is None else "live" if age_s < _LIVE_S else "quiet"
    return {
        "sensor": overview.sensor,
        "power": None if power is None else shown_power(power, the_language()),
        "ahead_until_s": overview.ahead_until_s,
        "damaged": overview.damaged and sentence(overview.damaged),
        "seen_s": latest.time_s if latest else None,
        "seen": None if age_s is None else ago(age_s),
        "state": state,
        "relay": (overview.relay_name or gettext("relay %(number)s", number=route.relay_id)) if route else None,
        "rtt": shown(route.rtt_us, "us") if route else None,
    }
