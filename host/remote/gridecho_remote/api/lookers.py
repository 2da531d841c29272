"""Who looked at a sensor, for who has a contract of it."""

from typing import Any

from flask import url_for

from ..rules.units import obis
from ..use import lookers
from ..use.lookers import Look
from ..web.context import the_actor, the_site
from ..web.guard import Need, needs
from .answers import Looks
from .parameters import Query, Token1, limit, page_token
from .sensors import api


class LooksQuery(Query):
    """Which of the looks."""

    limit: int = limit(lookers.MOST)
    before: Token1 = page_token()


@api.get("/sensors/<int:sensor_id>/looks")
@needs(Need.LOGIN)
@api.input(LooksQuery, "query", arg_name="asked")
@api.output(Looks)
def looks(sensor_id: int, asked: LooksQuery) -> dict[str, Any]:
    """Looks at the readings of one's own contracts, the newest first; and sums in which the sensor was counted."""
    site, actor = the_site(), the_actor()
    found, more = lookers.looks_at(site, actor, sensor_id, asked.before[0] if asked.before else 0, asked.limit)
    next_ = url_for("api.looks", sensor_id=sensor_id, before=more, limit=asked.limit) if more else None
    sums = [
        {
            "user": one.who,
            "organisation": one.organisation,
            "quantity": obis(one.code),
            "region": one.region,
            "category": one.category or None,
            "first": one.first,
            "last": one.last,
            "days": one.days,
        }
        for one in lookers.sums_over(site, actor, sensor_id)
    ]
    return {"sensor": sensor_id, "looks": list(map(_look, found)), "next": next_, "sums": sums}


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
