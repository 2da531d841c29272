"""What is sent to the API as JSON, as models: each value has its type and bounds, and nothing else may be there."""

from collections.abc import Callable
from typing import Annotated, Any, Literal

from gridecho.registers import CODE_OF
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic import ModelWrapValidatorHandler as Handler

from ..rules import regions
from ..rules.categories import labels_of
from ..rules.errors import RemoteError
from ..rules.periods import END_S
from ..rules.plain_scopes import quantity_mask
from ..rules.scopes import MOST_K, MOST_NAMED, Resolution, Scope

# Texts go to a database, and no database has a place for this character.
Text = Annotated[str, Field(max_length=2_000, pattern=r"^[^\x00]*$")]
Name = Annotated[str, Field(max_length=200, pattern=r"^[^\x00]*$")]
_Time = Annotated[int, Field(ge=0, le=END_S)]


class Part(BaseModel):
    """Base of what is in a body."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class Body(Part):
    """Base of what an operation takes. Raises RemoteError for what cannot be."""

    @model_validator(mode="wrap")
    @classmethod
    def _or_told(cls, given: Any, handler: Handler["Body"]) -> "Body":
        try:
            return handler(given)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(map(str, first["loc"])) or "all of it"
            raise RemoteError("body-wrong", where=where, what=first["msg"]) from None


class ScopeSent(Part):
    """What somebody is to see. Selectors that are set must all match; what is not said is not opened."""

    region: Name | None = Field(None, description="It and all that lies in it.", examples=["north/city-a"])
    category: Name | None = Field(None, examples=["residential"])
    labels: list[Name] | None = Field(None, max_length=MOST_NAMED, description="Of which one will do.")
    sensors: list[Annotated[int, Field(gt=0, lt=1 << 32)]] | None = Field(
        None, max_length=MOST_NAMED, description="Their numbers."
    )
    quantities: list[Literal[tuple(CODE_OF)]] | None = Field(  # type: ignore[valid-type]
        None, max_length=len(CODE_OF), description="OBIS names; all where none is named.", examples=[["1-0:1.8.0"]]
    )
    resolution: Literal["raw", "quarter", "hour", "day", "month"] = Field("month", description="The finest.")
    k: int = Field(1, ge=1, le=MOST_K, description="From 2 on: sums over at least so many sensors, and none singly.")
    first_s: _Time | None = Field(None, description="The time of the first reading, in Unix seconds.")
    until_s: _Time | None = Field(None, description="The time before which readings lie.")
    export: bool = Field(False, description="As files, too.")
    live: bool = Field(False, description="As they come; else nothing of a day before it is over.")
    starts_s: _Time | None = Field(None, description="When it begins to hold.")
    expires_s: _Time | None = Field(None, description="When it ends; null: never.")

    def said(self) -> dict[str, Any]:
        """The fields of a scope that were sent. Raises RemoteError."""
        fields = {name: getattr(self, name) for name in self.model_fields_set}
        made: dict[str, Callable[[Any], Any]] = {
            "region": regions.parsed,
            "labels": labels_of,
            "sensors": frozenset,
            "resolution": lambda name: Resolution[name.upper()],
        }
        for name in fields.keys() & made.keys():
            if fields[name] is not None:
                fields[name] = made[name](fields[name])
        if "quantities" in fields:
            names = fields.pop("quantities")
            fields |= {} if names is None else {"quantities": quantity_mask(names)}
        return fields

    def scope(self) -> Scope:
        """The scope. Raises RemoteError."""
        return Scope(resolution=Resolution[self.resolution.upper()], export=False, live=False)._replace(**self.said())


class ScopeLess(Body, ScopeSent):
    """What of a scope is to be less; what is not said stays."""
