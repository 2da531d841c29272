"""The routes that a sensor took."""

from typing import Any

from ..use import sensors as shared
from ..web.context import the_actor, the_site
from ..web.guard import Need, needs
from .answers import Routes
from .parameters import Query, limit
from .sensors import api


class RoutesQuery(Query):
    """How many of the routes."""

    limit: int = limit(shared.MOST_ROUTES)


@api.get("/sensors/<int:sensor_id>/routes")
@needs(Need.PERSON)
@api.input(RoutesQuery, "query", arg_name="asked")
@api.output(Routes)
def routes(sensor_id: int, asked: RoutesQuery) -> dict[str, Any]:
    """Which relay was the sensor's target since when, and the round trip when it became so: the newest routes that it told of."""
    found = shared.routes(the_site(), the_actor(), sensor_id, asked.limit)
    return {
        "sensor": sensor_id,
        "routes": [
            {
                "relay": one.relay_id,
                "relay_name": one.relay_name,
                "rtt_us": one.rtt_us,
                "time": one.time_s or None,
                "switched": one.switched,
            }
            for one in found
        ],
    }
