"""What is asked for in an address of the API, as models: each bounds its values and says in the document what they are.

A wrong value is a RemoteError that names it; what no model names is not looked at.
"""

from dataclasses import replace
from datetime import date
from functools import partial
from typing import Annotated, Any, Literal, get_args

from annotated_types import Ge, Le, MaxLen
from gridecho.registers import CODE_OF
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    WithJsonSchema,
    model_validator,
)
from pydantic import ModelWrapValidatorHandler as Handler
from pydantic.fields import FieldInfo

from ..rules.errors import RemoteError
from ..rules.periods import END_S
from ..use import holes, sensors
from ..use.site import Site

ALL = -1  # every quantity, as a mask
WAIT_S = 3  # for relays that hold what is asked for
_MOST_MS = 1 << 53


class Query(BaseModel):
    """Base of what an operation takes in its address. Raises RemoteError for what cannot be."""

    model_config = ConfigDict(frozen=True)

    @model_validator(mode="wrap")
    @classmethod
    def _or_told(cls, given: Any, handler: Handler["Query"]) -> "Query":
        try:
            return handler(given)
        except ValidationError as error:
            raise _wrong(cls, error) from None


def _wrong(model: type[BaseModel], error: ValidationError) -> RemoteError:
    name = str(error.errors(include_url=False)[0]["loc"][0])
    field = next(one for key, one in model.model_fields.items() if name in (key, one.alias))
    most_characters = _bound(field, MaxLen, "max_length")
    if date in (field.annotation, *get_args(field.annotation)):
        return RemoteError("query-date", name=name)
    if choices := [str(one) for one in _choices(field.annotation)]:
        return RemoteError("query-choice", name=name, choices=", ".join(choices))
    if most_characters is not None:
        return RemoteError("query-text", name=name, most=most_characters)
    least, most = _bound(field, Ge, "ge") or 0, _bound(field, Le, "le") or 1
    return RemoteError("query-number", name=name, least=least, most=most)


def _bound(field: FieldInfo, kind: type, attribute: str) -> int | None:
    return next((getattr(one, attribute) for one in field.metadata if isinstance(one, kind)), None)


def _choices(annotation: Any) -> tuple[Any, ...]:
    """What a Literal, or one beside None, allows."""
    parts = [annotation, *get_args(annotation)]
    return next((get_args(one) for one in parts if getattr(one, "__origin__", None) is Literal), ())


def _mask(text: object) -> int:
    if not text:
        return ALL
    mask = 0
    for name in str(text).split(","):
        if name not in CODE_OF:
            raise RemoteError("query-quantity", name=repr(name))
        mask |= 1 << CODE_OF[name]
    return mask


def _date(text: object) -> date | None:
    return date.fromisoformat(str(text)) if text is not None else None


def _cursor(text: object, length: int) -> tuple[int, ...]:
    parts, digits = str(text).split("."), 18 if length == 1 else 10
    if len(parts) != length or not all(part.isascii() and part.isdecimal() and len(part) <= digits for part in parts):
        raise RemoteError("query-after")
    return tuple(map(int, parts))


# The quantities that are asked for, as a mask; one that is not granted is as one that was never sent.
Quantities = Annotated[
    int,
    BeforeValidator(_mask),
    Field(default_factory=lambda: ALL),
    WithJsonSchema(
        {
            "type": "string",
            "maxLength": 1_000,
            "description": "OBIS names, with commas between; all where none is named.",
            "examples": ["1-0:1.8.0"],
        }
    ),
]


Day = Annotated[date | None, BeforeValidator(_date), WithJsonSchema({"type": "string", "format": "date"})]
_TOKEN = WithJsonSchema({"type": "string", "maxLength": 64})
Token1 = Annotated[tuple[int] | None, BeforeValidator(partial(_cursor, length=1)), _TOKEN]
Token2 = Annotated[tuple[int, int] | None, BeforeValidator(partial(_cursor, length=2)), _TOKEN]
Token3 = Annotated[tuple[int, int, int] | None, BeforeValidator(partial(_cursor, length=3)), _TOKEN]
Token4 = Annotated[tuple[int, int, int, int] | None, BeforeValidator(partial(_cursor, length=4)), _TOKEN]


def page_token() -> Any:
    """Where a page begins, of a type Token1, Token3, Token4: of so many numbers."""
    said = "Where the page begins: it stands in `next` of the answer before, and has no other meaning."
    return Field(default=None, description=said)


def limit(most: int, default: int | None = None) -> Any:
    """How much an answer may have."""
    return Field(default=default or most, ge=1, le=most, description="How many there are in the answer at most.")


def seconds(name: str, default: int, description: str, example: int) -> Any:
    """A time in Unix seconds, of that name in an address."""
    return Field(default=default, alias=name, ge=0, le=END_S, description=description, examples=[example])


def wait() -> Any:
    """For how long relays are asked."""
    said = "For how many seconds relays that hold something of it are asked. By default 3, and 0 (none is) with `stored_since`."
    return Field(default=None, ge=0, le=holes.MOST_WAIT_S, description=said, examples=[0])


class TimesQuery(Query):
    """Quantities, and a span."""

    from_s: int = seconds("from", 0, "The first time, in Unix seconds.", 1_799_900_000)
    to_s: int = seconds("to", END_S, "The time before which they lie, in Unix seconds.", 1_800_100_000)
    quantities: Quantities

    @property
    def span(self) -> sensors.Span:
        """The span. Raises RemoteError for one that ends before it begins."""
        if self.from_s > self.to_s:
            raise RemoteError("query-span")
        return sensors.Span(self.from_s, self.to_s)


class SpanQuery(TimesQuery):
    """Readings of a span."""

    stored_since: int = Field(
        0, ge=0, le=_MOST_MS, description="Only what was stored since, in Unix ms: `as_of` of an answer before."
    )
    wait: int | None = wait()

    @property
    def span(self) -> sensors.Span:
        """The same, of what was stored since."""
        return replace(super().span, stored_ms=self.stored_since)

    @property
    def wait_s(self) -> int:
        """For how long relays are asked; who only asks what was stored lately does not wait for that."""
        return (0 if self.stored_since else WAIT_S) if self.wait is None else self.wait


class DaysQuery(Query):
    """Days of the site's, of which a register is asked for."""

    first: Day = Field(
        None, alias="from", description="The first day; 30 days before the last one where it is not said."
    )
    last: Day = Field(None, alias="to", description="The last day, itself included; today where it is not said.")
    quantities: Quantities

    def days(self, site: Site) -> tuple[date, date]:
        """The first and the last day."""
        last = self.last or site.days.today(site.clock())
        return self.first or date.fromordinal(max(1, last.toordinal() - 30)), last
