"""Sums over regions, for who may see no sensor of them singly."""

from typing import Any, Literal

from apiflask import APIBlueprint
from gridecho.quantities import ENERGY_IMPORT
from pydantic import Field

from ..rules.errors import RemoteError
from ..rules.units import obis
from ..use import sums
from ..web.context import the_actor, the_site
from ..web.guard import Need, needs
from .answers import RegionEnergy
from .parameters import DaysQuery

region_api = APIBlueprint("region_api", __name__, url_prefix="/api/v1/regions", tag="Regions")


class SumsQuery(DaysQuery):
    """Of where, of what, of when."""

    region: str = Field(
        "", max_length=500, description="All that lies in it; empty: everywhere.", examples=["north/city-a"]
    )
    category: str = Field("", max_length=100, description="Only sensors of this kind.", examples=["residential"])
    unit: Literal["day", "month"] = Field("day", description="How long a period is.")


@region_api.get("/energy")
@needs(Need.PERSON)
@region_api.input(SumsQuery, "query", arg_name="asked")
@region_api.output(RegionEnergy)
def region_energy(asked: SumsQuery) -> dict[str, Any]:
    """What the registers of a region's sensors rose by together, by day or month; by default energy drawn, in the last 31 days.

    Days are given that have been over for a day, of so many sensors that nothing about a few of them can be worked out; others are
    null. What was given once stays as it was.
    """
    site = the_site()
    mask = asked.quantities if "quantities" in asked.model_fields_set else 1 << ENERGY_IMPORT
    if mask.bit_count() != 1:
        raise RemoteError("query-register")
    code = mask.bit_length() - 1
    first, last = asked.days(site)
    found = sums.energy(site, the_actor(), asked.region, asked.category, code, first, last, asked.unit)
    return {
        "region": asked.region,
        "category": asked.category or None,
        "quantity": obis(code),
        "unit": asked.unit,
        "zone": site.days.name,
        "energy": [{"date": one.date, "sensors": one.sensors, "value": one.wh} for one in found],
    }
