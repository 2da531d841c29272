"""Sums over regions, for who may see no sensor of them singly."""

from datetime import timedelta

from flask import Response, jsonify, request
from gridecho.quantities import ENERGY_IMPORT

from ..rules.errors import RemoteError
from ..rules.units import obis
from ..use import sums
from ..web.context import the_actor, the_site
from ..web.guard import Need, needs
from .parameters import date_of, quantities
from .sensors import api


@api.get("/regions/energy")
@needs(Need.PERSON)
def region_energy() -> Response:
    """What the registers of a region's sensors rose by together, by day or month; null: it is not given, or there is none."""
    site = the_site()
    unit = request.args.get("unit", "day")
    if unit not in sums.UNITS:
        raise RemoteError("query-unit", units=", ".join(sums.UNITS))
    mask = quantities() if "quantities" in request.args else 1 << ENERGY_IMPORT
    if mask.bit_count() != 1:
        raise RemoteError("query-register")
    code = mask.bit_length() - 1
    last = date_of("to", site.days.date_of(int(site.days.number([int(site.clock())])[0])))
    first = date_of("from", last - timedelta(30))
    region, category = request.args.get("region", ""), request.args.get("category", "")
    found = sums.energy(site, the_actor(), region, category, code, first, last, unit)
    return jsonify(
        {
            "region": region,
            "category": category or None,
            "quantity": obis(code),
            "unit": unit,
            "zone": site.days.name,
            "energy": [{"date": one.date.isoformat(), "sensors": one.sensors, "value": one.wh} for one in found],
        }
    )
