"""Sums over regions, for who may see no sensor of them singly."""

from typing import Annotated, Any, Literal

from apiflask import APIBlueprint
from flask import url_for
from gridecho.quantities import ENERGY_IMPORT
from pydantic import BeforeValidator, Field

from ..rules.errors import RemoteError
from ..rules.units import obis
from ..use import regions, sums
from ..web.context import the_actor, the_site
from ..web.guard import Need, needs
from .answers import Answer, Next, RegionEnergy
from .parameters import DaysQuery, Query, limit

region_api = APIBlueprint("region_api", __name__, url_prefix="/api/v1/regions", tag="Regions")


def _token(text: object) -> str:
    if "\0" in str(text):
        raise RemoteError("query-after")
    return str(text)


class RegionsQuery(Query):
    """Which of the regions."""

    limit: int = limit(regions.MOST)
    after: Annotated[str, BeforeValidator(_token)] | None = Field(
        None,
        max_length=1_000,
        description="Where the page begins: it stands in `next` of the answer before, and has no other meaning.",
    )


class Region(Answer):
    """A region, and what of it is open to who asks."""

    region: str = Field(description="Its path; empty: everywhere.", examples=["north/city-a"])
    singly: bool = Field(description="Whether they see sensors of it, or of regions in it, singly.", examples=[True])
    sums: bool = Field(description="Whether sums of it may be asked for: /regions/energy.", examples=[True])


class RegionPage(Answer):
    """Regions in the order of their paths."""

    regions: list[Region]
    next: Next


class SumsQuery(DaysQuery):
    """Of where, of what, of when."""

    region: str = Field(
        "", max_length=500, description="All that lies in it; empty: everywhere.", examples=["north/city-a"]
    )
    category: str = Field("", max_length=100, description="Only sensors of this kind.", examples=["residential"])
    unit: Literal["day", "month"] = Field("day", description="How long a period is.")


@region_api.get("")
@needs(Need.PERSON)
@region_api.input(RegionsQuery, "query", arg_name="asked")
@region_api.output(RegionPage)
def all_regions(asked: RegionsQuery) -> dict[str, Any]:
    """The regions in which sensors are that were granted, those that they lie in, and those of which sums were granted.

    Of a grant of sums no region is told but the one that it names.
    """
    found = regions.mine(the_site(), the_actor(), asked.after, asked.limit + 1)
    shown = found[: asked.limit]
    more = url_for("region_api.all_regions", after=shown[-1].path, limit=asked.limit) if found[asked.limit :] else None
    return {"regions": [{"region": one.path, "singly": one.singly, "sums": one.sums} for one in shown], "next": more}


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
