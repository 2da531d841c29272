"""What the API answers, as models, for the document. Of long answers the text is made elsewhere (tables.py), in the same form.

Times are Unix seconds (UTC) unless a name says otherwise; values are integers in the unit of their quantity.
"""

import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Time = Annotated[int, Field(examples=[1_800_000_000])]
Values = Annotated[
    dict[str, int],
    Field(
        description="By OBIS name: Wh, W, mV, mA, 1/1000 or mHz, as the sensor's `quantities` say.",
        examples=[{"1-0:1.8.0": 1_234_567, "1-0:1.7.0": 420}],
    ),
]
Next = Annotated[
    str | None, Field(description="The address of what follows; null: there is no more.", examples=["/api/v1/…"])
]
Obis = Annotated[str, Field(examples=["1-0:1.8.0"])]


class Answer(BaseModel):
    """Base of what an operation answers."""

    model_config = ConfigDict(populate_by_name=True)


class Problem(Answer):
    """What every answer has that is no success (RFC 9457)."""

    type: str = Field(examples=["about:blank"])
    title: str = Field(examples=["Not found"])
    status: int = Field(examples=[404])
    detail: str = Field(
        description="A sentence for people.", examples=["There is nothing here, or it has not been granted to you."]
    )
    code: str = Field(description="What was wrong, for programs.", examples=["nothing-here"])
    fields: dict[str, int | str] = Field(description="What the sentence names.", examples=[{}])


class Quantity(Answer):
    """A quantity that a sensor sends."""

    obis: Obis
    unit: str = Field(description="Of its integers.", examples=["Wh"])
    label: str = Field(description="For people.", examples=["Energy imported"])


class SensorInfo(Answer):
    """A sensor that was granted."""

    id: int = Field(examples=[7])
    name: str = Field(examples=["Mill Lane 12"])
    region: str = Field(examples=["north/city-a"])
    category: str = Field(examples=["residential"])
    quantities: list[Quantity]


class SensorPage(Answer):
    """Sensors by id."""

    sensors: list[SensorInfo]
    next: Next


class OneReading(Answer):
    """A reading. One that stands for a period (a curve's, an hour or longer) has no numbers."""

    time: Time | None = Field(description="Null: it has none (`/undated`).")
    epoch: int | None = Field(description="Epoch, number of the datagram, and place in it.", examples=[1])
    seq: int | None = Field(examples=[41])
    item: int | None = Field(examples=[0])
    values: Values


class Route(Answer):
    """By which relay a sensor's newest data came."""

    relay: int = Field(examples=[1])
    relay_name: str | None = Field(examples=["Relay 1"])
    rtt_us: int = Field(description="Round trip, in microseconds.", examples=[9_000])
    time: Time | None


class RouteTaken(Route):
    """A route that a sensor took, as it told."""

    switched: bool = Field(description="Whether it had another relay before; not: it started anew.", examples=[True])


class Routes(Answer):
    """The newest first."""

    sensor: int = Field(examples=[7])
    routes: list[RouteTaken]


class Imported(Answer):
    """Times of which a file was taken in."""

    from_s: Time = Field(alias="from")
    to_s: int = Field(alias="to", description="Not included.", examples=[1_800_000_900])


class SensorDetails(SensorInfo):
    """A sensor, and what is newest of it."""

    first: Time | None = Field(description="Of the readings that are open.")
    last: Time | None
    latest: OneReading | None
    power_w: int | None = Field(description="Drawn less fed in, W.", examples=[420])
    ahead_until: Time | None = Field(description="Up to when readings lie ahead of now.")
    damaged: str | None = Field(description="Why what is newest cannot be read.", examples=[None])
    undated: int = Field(description="How many readings have no time.", examples=[0])
    imported: list[Imported] = Field(description="Where readings are from a household's own files.", examples=[[]])
    route: Route | None
    state: dict[str, int] = Field(description="What it last told of itself.", examples=[{"heap_free": 90_000}])


class Latest(Answer):
    """What is newest of a sensor."""

    sensor: int = Field(examples=[7])
    latest: OneReading | None
    power_w: int | None = Field(description="Drawn less fed in, W.", examples=[420])
    damaged: str | None = Field(description="Why what is newest cannot be read.", examples=[None])


class LatestPage(Answer):
    """Sensors by id, with what is newest of each."""

    sensors: list[Latest]
    next: Next


class Hole(Answer):
    """Readings of a span that a relay holds still."""

    from_s: Time = Field(alias="from")
    to_s: int = Field(alias="to", description="Not included.", examples=[1_800_000_900])
    relay: int | None = Field(description="Null for who may not know which way readings come.", examples=[3])
    reason: str = Field(examples=["pull-late"])
    says: str = Field(description="The reason, for people.", examples=["The relay did not call for an hour."])
    expected: Time | None = Field(description="When it will be here.")


class Holes(Answer):
    """By time."""

    sensor: int = Field(examples=[7])
    holes: list[Hole]


class Readings(Answer):
    """Readings by time."""

    sensor: int = Field(examples=[7])
    as_of: int = Field(description="Unix ms; for `stored_since`.", examples=[1_800_000_000_000])
    holes: list[Hole]
    next: Next
    readings: list[OneReading]
    live: bool | None = Field(None, description="With `live=1`: whether it sends at once now.", examples=[True])
    bucket_s: int | None = Field(None, description="With `points`: seconds that a point stands for.", examples=[900])
    cut_before: int | None = Field(None, description="With `points`: what is older was deleted.", examples=[None])
    breaks: list[int] | None = Field(None, description="With `points`: times at which the curve is not joined.")


class UndatedReadings(Answer):
    """Readings without a time, by number."""

    sensor: int = Field(examples=[7])
    next: Next
    readings: list[OneReading]


class EnergyOfPeriod(Answer):
    """What a register rose by in a period."""

    begin: Time
    date: datetime.date = Field(description="The site's day on which it begins.", examples=["2027-01-14"])
    value: int = Field(description="Wh.", examples=[4_200])
    count: int = Field(description="Readings.", examples=[1_440])
    resets: int = Field(description="How often the register went back.", examples=[0])


class Energy(Answer):
    """What a register rose by, period by period; those without readings are left out."""

    sensor: int = Field(examples=[7])
    unit: str = Field(examples=["day"])
    zone: str = Field(description="The site's, in which days are days.", examples=["Europe/Amsterdam"])
    energy: list[EnergyOfPeriod]
    holes: list[Hole]


class Gap(Answer):
    """Numbers of data that are missing: lost, or held still."""

    epoch: int = Field(examples=[1])
    first_seq: int = Field(examples=[10])
    last_seq: int = Field(examples=[12])
    after: Time | None = Field(description="The newest time before it.")
    before: Time | None = Field(description="The first time behind it.")
    held_by: list[int] = Field(description="Relays that hold some of it.", examples=[[3]])


class Gaps(Answer):
    """The newest epoch's first."""

    sensor: int = Field(examples=[7])
    gaps: list[Gap]


class SeenSpan(Answer):
    """A span of readings."""

    from_s: Time = Field(alias="from")
    to_s: int = Field(alias="to", examples=[1_800_003_600])


class Look(Answer):
    """Somebody looked at readings."""

    time_ms: int = Field(description="When, in Unix ms.", examples=[1_800_000_000_000])
    user: str | None = Field(examples=["ada"])
    organisation: str | None = Field(examples=["City of A"])
    own: bool = Field(description="Whether that was oneself.", examples=[False])
    what: str = Field(examples=["readings"])
    way: str = Field(description="page, export, program or application.", examples=["page"])
    application: str | None = Field(examples=[None])
    spans: list[SeenSpan]
    quantities: list[Obis]
    by: str | None = Field(description="By which periods.", examples=["day"])
    count: int | None = Field(description="Readings that were given.", examples=[96])


class SumSeen(Answer):
    """Somebody was given sums in which the sensor was counted."""

    user: str | None = Field(examples=["ada"])
    organisation: str | None = Field(examples=["City of A"])
    quantity: Obis
    region: str = Field(examples=["north/city-a"])
    category: str | None = Field(examples=[None])
    first: datetime.date
    last: datetime.date
    days: int = Field(examples=[31])


class Looks(Answer):
    """Who looked at a sensor, the newest first."""

    sensor: int = Field(examples=[7])
    looks: list[Look]
    next: Next
    sums: list[SumSeen]


class RegionSum(Answer):
    """Nulls: it is not given, or there is none."""

    date: datetime.date
    sensors: int | None = Field(description="How many were counted.", examples=[120])
    value: int | None = Field(description="Wh.", examples=[1_234_567])


class RegionEnergy(Answer):
    """What the registers of a region's sensors rose by together."""

    region: str = Field(examples=["north/city-a"])
    category: str | None = Field(examples=[None])
    quantity: Obis
    unit: str = Field(examples=["day"])
    zone: str = Field(examples=["Europe/Amsterdam"])
    energy: list[RegionSum]
