"""What lives are made of: three sensors, some people, a few regions, spans that meet and overlap, a night when clocks go back."""

from typing import Any

from gridecho.quantities import ENERGY_IMPORT, POWER_IMPORT, VOLTAGE_L1
from gridecho_remote.rules.units import obis
from hypothesis import strategies as st

from tests.rigs.fleet import PLACES
from tests.rigs.scope_model import MOST_CODE, Allowed, Fine

DAY = 86_400
STEP_S = 300  # every moment of a life is a multiple of it
T0 = 1_792_843_200  # 24 October 2026, 12:00 UTC: clocks go back the next night, and a month ends a week later
CODES = (ENERGY_IMPORT, POWER_IMPORT, VOLTAGE_L1)
CODE_OF = {obis(code): code for code in CODES}
EVERY = (1 << MOST_CODE) - 1
USERS = {1: "ada", 2: "kim"}
SENSORS = st.sampled_from([*PLACES, *PLACES, 99])
REGIONS = ["north", "north/city-a", "north/city-b", "south", "south/city-c", "northern", "north/city-a/old"]
LABELS = ["pilot", "new"]
END = 1 << 32


def moments() -> st.SearchStrategy[int]:
    """From nine days before to nine days after, in steps."""
    return st.integers(-9 * DAY // STEP_S, 9 * DAY // STEP_S).map(lambda n: T0 + STEP_S * n)


def can_be(scope: Allowed) -> bool:
    """Whether it selects something, and no span of it ends before it begins."""
    return (
        bool(scope.region or scope.category or scope.labels or scope.sensors)
        and (scope.first_s is None or scope.until_s is None or scope.first_s < scope.until_s)
        and (scope.starts_s is None or scope.expires_s is None or scope.starts_s < scope.expires_s)
    )


def less(scope: Allowed, at_s: int) -> dict[str, Any]:
    """Each field by itself so that the scope allows less, or as much as before."""
    return {
        "export": False,
        "live": False,
        "resolution": Fine(min(4, scope.resolution + 1)),
        "until_s": at_s if scope.until_s is None else min(at_s, scope.until_s),
        "first_s": at_s if scope.first_s is None else max(at_s, scope.first_s),
        "expires_s": at_s if scope.expires_s is None else min(at_s, scope.expires_s),
        "quantities": scope.quantities & 5 or scope.quantities,
        "k": scope.k + 1,
    }


def lies_in(region: str | None, other: str) -> bool:
    """Whether a region is another one, or a part of it; None is everywhere."""
    return region is not None and (region + "/").startswith(other + "/")


SCOPES = st.builds(
    Allowed,
    region=st.none() | st.sampled_from(REGIONS),
    category=st.sampled_from([None, None, None, "residential"]),
    labels=st.none() | st.none() | st.frozensets(st.sampled_from(LABELS), min_size=1),
    sensors=st.none() | st.none() | st.frozensets(st.sampled_from([7, 8, 9, 99]), min_size=1),
    quantities=st.sampled_from([EVERY, EVERY, 1 << POWER_IMPORT, 1 << ENERGY_IMPORT, 5]),
    resolution=st.sampled_from([*Fine, Fine.RAW, Fine.RAW, Fine.DAY]),
    k=st.sampled_from([1, 1, 1, 1, 1, 2, 3]),
    first_s=st.none() | moments(),
    until_s=st.none() | moments(),
    export=st.booleans(),
    live=st.sampled_from([True, True, False]),
    starts_s=st.none() | st.none() | moments(),
    expires_s=st.none() | st.none() | moments(),
    revoked=st.just(False),
).filter(can_be)
