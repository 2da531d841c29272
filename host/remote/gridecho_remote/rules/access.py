"""The access rule: which sensors and quantities a set of grants opens at a moment. Pure; every answer to a user passes here."""

from collections.abc import Iterable
from dataclasses import dataclass

from gridecho.quantities import FIRST_STATE_CODE

METERED = (1 << FIRST_STATE_CODE) - 1  # every quantity that a meter measures, as a mask of codes


@dataclass(frozen=True, slots=True)
class Terms:
    """What one grant says. A selector that is None matches every sensor; `quantities` is a mask of codes."""

    region: str | None = None
    category: str | None = None
    sensor_id: int | None = None
    quantities: int = METERED
    expires_s: int | None = None
    revoked: bool = False


@dataclass(frozen=True, slots=True)
class Place:
    """What the rule needs to know of a sensor."""

    sensor_id: int
    region: str
    category: str


def inside(region: str, granted: str) -> bool:
    """Whether `region` is `granted` or lies in it: regions are paths, as in "province/city/district"."""
    return region == granted or region.startswith(granted + "/")


def opened(grants: Iterable[Terms], place: Place, now_s: float) -> int:
    """The mask of quantities of this sensor that the grants open now; 0: the sensor is not to be seen at all."""
    mask = 0
    for terms in grants:
        if (
            not terms.revoked
            and (terms.expires_s is None or now_s < terms.expires_s)
            and (terms.sensor_id is None or terms.sensor_id == place.sensor_id)
            and (terms.category is None or terms.category == place.category)
            and (terms.region is None or inside(place.region, terms.region))
        ):
            mask |= terms.quantities
    return mask & METERED
