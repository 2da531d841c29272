"""/api/v1/requests: access that one asks for; for who decides: their inbox, who asks, and the decision."""

from collections.abc import Callable
from typing import Any, Literal

from apiflask import APIBlueprint
from flask import url_for
from pydantic import Field

from ..rules.scope_words import words
from ..rules.sentences import said
from ..use import requests
from ..use.requests import Claim, RequestInfo, State
from ..web.context import the_actor, the_site
from ..web.guard import Need, needs
from .answers import Answer, Next
from .bodies import Body, Name, ScopeSent, Text
from .parameters import Query, Token1, page_token
from .scope_answers import ScopeTold, told

request_api = APIBlueprint("request_api", __name__, url_prefix="/api/v1/requests", tag="Requests for access")

_ASKED = {
    "name": "Ulf Example",
    "organisation": "City of A",
    "role": "planner",
    "evidence": "A-1234",
    "purpose": "To plan the grid of city-a.",
    "scope": {"region": "north/city-a", "resolution": "day"},
    "days": 90,
}


class InboxQuery(Query):
    """Which of the requests."""

    state: Literal["open", "all"] = Field("open", description="Whether those that were decided are there, too.")
    after: Token1 = page_token()


class RequestSent(Body):
    """Who asks, what for, and for what."""

    name: Name
    organisation: Name
    role: Name = Field(description="In the organisation.")
    evidence: Name = Field(description="By which a register finds who asks, such as a staff number.")
    purpose: Text
    scope: ScopeSent
    days: int = Field(ge=1, le=requests.MOST_DAYS, description="For how long.")
    draft: bool = Field(False, description="It is kept, and asked later (`/ask`).")


class ReasonSent(Body):
    """A sentence."""

    text: Text = Field(examples=["I know her from the council."])


class PartSent(Body):
    """What of a request is granted: all, where nothing is said."""

    days: int | None = Field(None, ge=1, le=requests.MOST_DAYS, description="For fewer days.")
    scope: ScopeSent | None = Field(None, description="What of its scope opens less.")


class ClaimTold(Answer):
    """What who asks says of themselves."""

    name: str
    organisation: str
    role: str
    evidence: str


class Finding(Answer):
    """Whether it was found that they are who they say."""

    verified: bool
    why: str = Field(description="Why, or why not; empty where there is nothing to say.", examples=[""])


class AccessRequest(Answer):
    """A request for access."""

    id: int = Field(examples=[1])
    user: str = Field(examples=["ulf"])
    state: str = Field(description="draft, asked, verified, not verified, granted, …", examples=["asked"])
    claim: ClaimTold
    purpose: str
    words: str = Field(description="What is asked for, for people.", examples=["sensors in north, daily, for 90 days"])
    scope: ScopeTold
    days: int = Field(examples=[90])
    made_ms: int = Field(examples=[1_800_000_000_000])
    changed_ms: int = Field(examples=[1_800_000_000_000])
    finding: Finding | None
    reason: str = Field(description="Why it was refused.", examples=[""])
    grant: int | None = Field(description="The number of the grant that came of it.", examples=[None])


class RequestList(Answer):
    """Requests."""

    requests: list[AccessRequest]
    next: Next


@request_api.get("")
@needs(Need.LOGIN)
@request_api.output(RequestList)
def my_requests() -> dict[str, Any]:
    """One's own requests, the newest first, at most 500."""
    return {"requests": list(map(_request, requests.mine(the_site(), the_actor()))), "next": None}


@request_api.post("")
@needs(Need.LOGIN)
@request_api.input(RequestSent, arg_name="sent", example=_ASKED)
@request_api.output(AccessRequest, 201)
def ask_for_access(sent: RequestSent) -> dict[str, Any]:
    """Asks for access, or keeps that as a draft. Where somebody can say who asks, they are asked at once."""
    site, actor = the_site(), the_actor()
    claim = Claim(sent.name, sent.organisation, sent.role, sent.evidence)
    number = requests.draft(site, actor, claim, sent.purpose, sent.scope.scope(), sent.days)
    return _request(requests.look(site, actor, number) if sent.draft else requests.ask(site, actor, number))


@request_api.get("/inbox")
@needs(Need.LOGIN)
@request_api.input(InboxQuery, "query", arg_name="asked")
@request_api.output(RequestList)
def inbox(asked: InboxQuery) -> dict[str, Any]:
    """Requests on which one decides, by number, at most 500 an answer. For administrators."""
    states = list(State) if asked.state == "all" else list(requests.OPEN - {State.DRAFT})
    after = min(asked.after[0] if asked.after else 0, (1 << 31) - 1)
    found = requests.inbox(the_site(), the_actor(), states, after)
    more = url_for("request_api.inbox", state=asked.state, after=found[-1].id) if len(found) == 500 else None
    return {"requests": list(map(_request, found)), "next": more}


@request_api.get("/<int:number>")
@needs(Need.LOGIN)
@request_api.output(AccessRequest)
def one_request(number: int) -> dict[str, Any]:
    """One request, for who asked it and for who decides on it."""
    return _request(requests.look(the_site(), the_actor(), number))


@request_api.post("/<int:number>/ask")
@needs(Need.LOGIN)
@request_api.output(AccessRequest)
def ask_draft(number: int) -> dict[str, Any]:
    """Asks what was kept as a draft."""
    return _after(requests.ask, number)


@request_api.post("/<int:number>/withdraw")
@needs(Need.LOGIN)
@request_api.output(AccessRequest)
def withdraw_request(number: int) -> dict[str, Any]:
    """Takes one's own request back."""
    return _after(requests.withdraw, number)


@request_api.post("/<int:number>/verify")
@needs(Need.LOGIN)
@request_api.output(AccessRequest)
def verify_request(number: int) -> dict[str, Any]:
    """Looks who asks: by what was said of them at their login, or in a register."""
    return _after(requests.verify, number)


@request_api.post("/<int:number>/confirm")
@needs(Need.LOGIN)
@request_api.input(ReasonSent, arg_name="sent", example={"text": "I know her from the council."})
@request_api.output(AccessRequest)
def confirm_request(number: int, sent: ReasonSent) -> dict[str, Any]:
    """One knows for oneself who asks, and says how. For administrators."""
    return _after(requests.confirm, number, sent.text)


@request_api.post("/<int:number>/refuse")
@needs(Need.LOGIN)
@request_api.input(ReasonSent, arg_name="sent", example={"text": "Sums over the district will do."})
@request_api.output(AccessRequest)
def refuse_request(number: int, sent: ReasonSent) -> dict[str, Any]:
    """Refuses a request, with a reason. For administrators."""
    return _after(requests.refuse, number, sent.text)


@request_api.post("/<int:number>/grant")
@needs(Need.LOGIN)
@request_api.input(PartSent, arg_name="sent", example={"days": 30})
@request_api.output(AccessRequest)
def grant_request(number: int, sent: PartSent) -> dict[str, Any]:
    """Grants all of a request, or a part of it. For administrators."""
    requests.look(the_site(), the_actor(), number)  # of one that is not theirs not even a wrong part is told of
    less = sent.scope.said() if sent.scope else {}
    requests.grant(the_site(), the_actor(), number, sent.days, **less)
    return _request(requests.look(the_site(), the_actor(), number))


def _after(step: Callable[..., object], number: int, *more: str) -> dict[str, Any]:
    step(the_site(), the_actor(), number, *more)
    return _request(requests.look(the_site(), the_actor(), number))


def _request(one: RequestInfo) -> dict[str, Any]:
    looked, scope = requests.finding_of(one), requests.scope_of(one)
    return {
        "id": one.id,
        "user": one.user,
        "state": one.state.value,
        "claim": {name: getattr(one.claim, name) for name in ClaimTold.model_fields},
        "purpose": one.purpose,
        "words": words(scope, None, the_site().days.zone, one.lasts_days),
        "scope": told(scope),
        "days": one.lasts_days,
        "made_ms": one.made_ms,
        "changed_ms": one.changed_ms,
        "finding": looked and {"verified": looked[0], "why": said(looked[1])},
        "reason": one.reason or "",
        "grant": one.grant,
    }
