"""Who looked at a sensor, for who has a contract of it."""

from typing import Any

from flask import Response, jsonify, url_for

from ..rules.units import obis
from ..use import lookers
from ..use.lookers import Look
from ..web.context import the_actor, the_site
from ..web.guard import Need, needs
from .parameters import number
from .sensors import api


@api.get("/sensors/<int:sensor_id>/looks")
@needs(Need.PERSON)
def looks(sensor_id: int) -> Response:
    """Looks at the readings of one's own contracts, the newest first; and sums in which the sensor was counted."""
    site, actor = the_site(), the_actor()
    limit = number("limit", lookers.MOST, 1, lookers.MOST)
    found, more = lookers.looks_at(site, actor, sensor_id, number("before", 0, 0, 1 << 53), limit)
    next_ = url_for("api.looks", sensor_id=sensor_id, before=more, limit=limit) if more else None
    sums = [
        {
            "user": one.who,
            "organisation": one.organisation,
            "quantity": obis(one.code),
            "region": one.region,
            "category": one.category or None,
            "first": one.first.isoformat(),
            "last": one.last.isoformat(),
            "days": one.days,
        }
        for one in lookers.sums_over(site, actor, sensor_id)
    ]
    return jsonify({"sensor": sensor_id, "looks": list(map(_look, found)), "next": next_, "sums": sums})


def _look(one: Look) -> dict[str, Any]:
    way = "application" if one.application else "program" if one.program else "export" if one.export else "page"
    return {
        "time_ms": one.at_ms,
        "user": one.who,
        "organisation": one.organisation,
        "own": one.own,
        "what": one.what,
        "way": way,
        "application": one.application,
        "spans": [{"from": from_s, "to": to_s} for from_s, to_s in one.spans],
        "quantities": [obis(code) for code in one.codes],
        "by": one.by,
        "count": one.count,
    }
