"""Scopes as the API answers them, in fields and in words."""

from typing import Any

from pydantic import Field

from ..rules.scopes import METERED, Scope
from ..rules.units import codes_of, obis
from .answers import Answer, Obis, Time


class ScopeTold(Answer):
    """What somebody may see. A null selects nothing: all are meant, or it has no end."""

    region: str | None = Field(examples=["north/city-a"])
    category: str | None = Field(examples=["residential"])
    labels: list[str] | None = Field(examples=[None])
    sensors: list[int] | None = Field(examples=[[7]])
    quantities: list[Obis] | None
    resolution: str = Field(description="The finest: raw, quarter, hour, day or month.", examples=["day"])
    k: int = Field(description="From 2 on: sums over at least so many sensors, and none singly.", examples=[1])
    first_s: Time | None
    until_s: Time | None
    export: bool
    live: bool
    starts_s: Time | None
    expires_s: Time | None


def told(scope: Scope) -> dict[str, Any]:
    """A scope's fields, for ScopeTold."""
    return scope._asdict() | {
        "labels": scope.labels and sorted(scope.labels),
        "sensors": scope.sensors and sorted(scope.sensors),
        "quantities": None if scope.quantities & METERED == METERED else list(map(obis, codes_of(scope.quantities))),
        "resolution": scope.resolution.name.lower(),
    }
