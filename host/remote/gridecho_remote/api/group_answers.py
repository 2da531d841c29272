"""What the API answers of groups of relays, as models, for the document."""

from pydantic import Field

from .answers import Answer


class GroupLine(Answer):
    """A group in the list."""

    id: int = Field(examples=[1])
    name: str = Field(examples=["city-a"])
    members: int = Field(examples=[3])
    late: int = Field(description="Members whose heartbeat is late.", examples=[0])
    proxy: int | None = Field(examples=[2])
    proxy_name: str | None = Field(examples=["Relay 2"])
    term: int | None = Field(examples=[12])
    round: int | None = Field(examples=[4])
    condition: str = Field(description="When a term ends.", examples=["after 3,600 s"])
    period_s: int = Field(examples=[60])


class GroupList(Answer):
    """The groups by name."""

    groups: list[GroupLine]


class Member(Answer):
    """A relay of a group."""

    relay: int = Field(examples=[2])
    name: str = Field(examples=["Relay 2"])
    proxy: bool
    late: bool
    seen_s: float | None = Field(description="Seconds since its heartbeat.", examples=[4.2])
    served: bool = Field(description="Whether it was proxy in this round.")
    reachable: bool
    lost: str = Field(description="Why it cannot reach the proxy; empty: it can.", examples=[""])


class Ballot(Answer):
    """How a relay stood when a proxy was chosen."""

    relay: int = Field(examples=[2])
    name: str = Field(examples=["Relay 2"])
    standing: str = Field(examples=["least"])
    score: float | None = Field(examples=[120.0])


class PastTerm(Answer):
    """A proxy's term."""

    number: int = Field(examples=[12])
    round: int = Field(examples=[4])
    proxy: int = Field(examples=[2])
    proxy_name: str = Field(examples=["Relay 2"])
    why: str = Field(description="Why it was chosen.", examples=["the least load among 3: 120 readings"])
    period_s: int = Field(examples=[60])
    began_ms: int = Field(examples=[1_800_000_000_000])
    ended_ms: int | None = Field(examples=[1_800_003_600_000])
    reason: str = Field(description="Why it ended.", examples=["after 3600 s"])
    forwards: int = Field(examples=[900])
    ballot: list[Ballot]


class Bars(Answer):
    """A relay's histogram, and its curve."""

    relay: int = Field(examples=[2])
    name: str = Field(examples=["Relay 2"])
    score: float = Field(examples=[120.0])
    bars: list[float] = Field(description="Readings a period.", examples=[[2.0, 3.0]])
    curve: list[float] = Field(examples=[[2.0, 2.6, 3.0]])


class Histograms(Answer):
    """The members' histograms over the same periods; `places` are the curves' in seconds."""

    periods: int = Field(examples=[2])
    first: int = Field(examples=[0])
    period_s: int = Field(examples=[60])
    step: int = Field(description="So many periods are one bar.", examples=[1])
    places: list[float] = Field(examples=[[0.0, 60.0, 120.0]])
    relays: list[Bars]


class Term(PastTerm):
    """A term, and what was compared at its end; null: it is not kept any more."""

    histograms: Histograms | None


class Group(Answer):
    """All of a group."""

    id: int = Field(examples=[1])
    name: str = Field(examples=["city-a"])
    after_s: int | None = Field(examples=[3_600])
    after_forwards: int | None = Field(examples=[None])
    period_s: int = Field(examples=[60])
    condition: str = Field(examples=["after 3,600 s"])
    members: list[Member]
    term: PastTerm | None
    histograms: Histograms | None
    history: list[PastTerm] = Field(description="Past terms, the newest first.")
    before: int | None = Field(description="For the next page of them; null: there is no more.", examples=[None])
