"""/api/v1/audit: who did and saw what, for auditors."""

from typing import Any, Literal

from apiflask import APIBlueprint
from flask import url_for
from pydantic import Field

from ..rules.periods import END_S
from ..rules.sentences import sentence
from ..use import auditing
from ..use.auditing import Sought, Told
from ..web.context import the_actor, the_site
from ..web.guard import Need, needs
from .answers import Answer, Next
from .parameters import Query, Token1, limit, page_token

audit_api = APIBlueprint("audit_api", __name__, url_prefix="/api/v1/audit", tag="Audit")

_MOST_NUMBER = (1 << 62) - 1


def _text(description: str, example: str) -> Any:
    return Field("", max_length=255, pattern=r"^[^\x00]*$", description=description, examples=[example])


class AuditQuery(Query):
    """Which rows; what is not said fits all."""

    who: str = _text("A user's name.", "ulf")
    kind: Literal["", "person", "relay", "operator"] = Field("", description="Who did it.")
    what: str = _text("How the deed begins.", "sensors.")
    subject: str = _text("To what it was done.", "sensor 7")
    from_s: int | None = Field(None, alias="from", ge=0, le=END_S, description="Noted from then on, in Unix seconds.")
    to_s: int | None = Field(None, alias="to", ge=0, le=END_S, description="Noted before then.")
    limit: int = limit(auditing.MOST)
    before: Token1 = page_token()


class Row(Answer):
    """Somebody did something, or looked at something."""

    id: int = Field(examples=[12])
    at_ms: int = Field(examples=[1_800_000_000_000])
    kind: str = Field(description="person, relay or operator.", examples=["person"])
    actor: int = Field(description="Their number; 0: the terminal, or nobody.", examples=[2])
    name: str | None = Field(description="Of a person.", examples=["ulf"])
    organisation: str | None = Field(examples=[None])
    what: str = Field(examples=["sensors.energy"])
    subject: str = Field(examples=["sensor 7"])
    fields: dict[str, Any] = Field(description="What more there is to say of it.", examples=[{"by": "day"}])


class Rows(Answer):
    """The newest first. A page that looks for few may have none, and a `next` all the same."""

    rows: list[Row]
    next: Next


class Verified(Answer):
    """Whether all of it is there as it was written."""

    rows: int = Field(examples=[1_234])
    cut_before: int = Field(description="Up to which row it was cut off, being old; 0: it was not.", examples=[0])
    problems: list[str] = Field(description="What is wrong, 100 at most; none: nothing is.", examples=[[]])


@audit_api.get("")
@needs(Need.LOGIN)
@audit_api.input(AuditQuery, "query", arg_name="asked")
@audit_api.output(Rows)
def audit(asked: AuditQuery) -> dict[str, Any]:
    """Rows of the audit that fit, the newest first. For auditors; it is a look, and noted."""
    sought = Sought(asked.who, asked.kind, asked.what, asked.subject, asked.from_s, asked.to_s)
    before = min(asked.before[0] if asked.before else 0, _MOST_NUMBER)
    found, more = auditing.found(the_site(), the_actor(), sought, before, asked.limit)
    given = asked.model_dump(by_alias=True, exclude_unset=True, exclude={"before"})
    return {
        "rows": list(map(_row, found)),
        "next": url_for("audit_api.audit", before=more, **given) if more else None,
    }


@audit_api.post("/verify")
@needs(Need.LOGIN)
@audit_api.output(Verified)
def verify_audit() -> dict[str, Any]:
    """Looks whether any row was changed, left out, put in or moved. For auditors."""
    count, problems, cut = auditing.verified(the_site(), the_actor())
    return {"rows": count, "cut_before": cut, "problems": list(map(sentence, problems))}


def _row(one: Told) -> dict[str, Any]:
    entry = one.entry
    return {
        "id": entry.id,
        "at_ms": entry.at_ms,
        "kind": entry.actor_kind,
        "actor": entry.actor_id,
        "name": one.name,
        "organisation": one.organisation,
        "what": entry.what,
        "subject": entry.subject,
        "fields": entry.fields,
    }
