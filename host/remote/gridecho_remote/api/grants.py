"""/api/v1/grants: what was granted to oneself; for who decides: those on which they decide, given, narrowed, revoked."""

from typing import Any, Literal

from apiflask import APIBlueprint
from flask import url_for
from pydantic import Field

from ..rules.errors import RemoteError
from ..rules.scope_words import words
from ..use import granting
from ..use.granting import GrantInfo
from ..web.context import the_actor, the_site
from ..web.guard import Need, needs
from .answers import Answer, Next
from .bodies import Body, Name, ScopeLess, ScopeSent
from .parameters import Query, Token1, limit, page_token
from .scope_answers import ScopeTold, told

grant_api = APIBlueprint("grant_api", __name__, url_prefix="/api/v1/grants", tag="Grants")

_STATES = {"open": True, "ended": False, "all": None}
_MOST_NUMBER = (1 << 32) - 1
_SCOPE = {"region": "north/city-a", "resolution": "day", "expires_s": 1_900_000_000}


class MineQuery(Query):
    """Which of one's own."""

    limit: int = limit(granting.MOST_LISTED)
    before: Token1 = page_token()


class GrantsQuery(MineQuery):
    """Which of those on which one decides."""

    user: str = Field("", max_length=100, pattern=r"^[^\x00]*$", description="Of this user only.", examples=["ulf"])
    state: Literal["open", "ended", "all"] = Field("open", description="Whether they have ended.")


class GrantSent(Body):
    """To whom, and what."""

    user: Name = Field(examples=["ulf"])
    scope: ScopeSent


class Grant(Answer):
    """A grant."""

    id: int = Field(examples=[1])
    user: str = Field(examples=["ulf"])
    state: str = Field(description="holds, comes, ended or revoked.", examples=["holds"])
    words: str = Field(description="What it opens, for people.", examples=["sensors in north, daily, for good"])
    scope: ScopeTold


class GrantList(Answer):
    """The newest first."""

    grants: list[Grant]
    next: Next


class GrantDetails(Grant):
    """A grant, and what there is of it."""

    sensors: int = Field(description="How many sensors it names now.", examples=[37])


class Preview(Answer):
    """What a grant would open of what there is now."""

    user: str = Field(examples=["ulf"])
    words: str = Field(examples=["37 sensors in north/city-a, daily, no export, for good"])
    sensors: int = Field(examples=[37])
    new: int = Field(description="How many of them they would see for the first time.", examples=[12])


@grant_api.get("/mine")
@needs(Need.LOGIN)
@grant_api.input(MineQuery, "query", arg_name="asked")
@grant_api.output(GrantList)
def my_grants(asked: MineQuery) -> dict[str, Any]:
    """What was granted to oneself and was not revoked, the newest first, in words."""
    before = asked.before[0] if asked.before else 0
    found, more = granting.mine(the_site(), the_actor(), min(before, _MOST_NUMBER), asked.limit)
    next_ = url_for("grant_api.my_grants", before=more, limit=asked.limit) if more else None
    return {"grants": list(map(_grant, found)), "next": next_}


@grant_api.get("")
@needs(Need.LOGIN)
@grant_api.input(GrantsQuery, "query", arg_name="asked")
@grant_api.output(GrantList)
def grants(asked: GrantsQuery) -> dict[str, Any]:
    """Grants on which one decides, the newest first. For administrators."""
    before = min(asked.before[0] if asked.before else 0, _MOST_NUMBER)
    found, more = granting.listed(the_site(), the_actor(), asked.user, _STATES[asked.state], before, asked.limit)
    given: dict[str, Any] = {"user": asked.user, "state": asked.state, "limit": asked.limit}
    next_ = url_for("grant_api.grants", before=more, **given) if more else None
    return {"grants": list(map(_grant, found)), "next": next_}


@grant_api.post("/preview")
@needs(Need.LOGIN)
@grant_api.input(GrantSent, arg_name="sent", example={"user": "ulf", "scope": _SCOPE})
@grant_api.output(Preview)
def preview_grant(sent: GrantSent) -> dict[str, Any]:
    """What a grant would open; nothing is given. For administrators."""
    would = granting.preview(the_site(), the_actor(), sent.user, sent.scope.scope())
    said = words(would.scope, would.sensors, the_site().days.zone)
    return {"user": would.user, "words": said, "sensors": would.sensors, "new": would.new}


@grant_api.post("")
@needs(Need.LOGIN)
@grant_api.input(GrantSent, arg_name="sent", example={"user": "ulf", "scope": _SCOPE})
@grant_api.output(GrantDetails, 201)
def give_grant(sent: GrantSent) -> dict[str, Any]:
    """Lets a user see something. For administrators."""
    the_actor().require_administrator()
    return _details(granting.grant(the_site(), the_actor(), sent.user, sent.scope.scope()))


@grant_api.get("/<int:number>")
@needs(Need.LOGIN)
@grant_api.output(GrantDetails)
def grant(number: int) -> dict[str, Any]:
    """One grant on which one decides, also one that has ended. For administrators."""
    return _details(number)


@grant_api.post("/<int:number>/narrow")
@needs(Need.LOGIN)
@grant_api.input(ScopeLess, arg_name="sent", example={"resolution": "month"})
@grant_api.output(GrantDetails)
def narrow_grant(number: int, sent: ScopeLess) -> dict[str, Any]:
    """Makes less of a grant: what is sent of its scope takes the place of what it had. For administrators."""
    _details(number)
    less = sent.said()
    if not less:
        raise RemoteError("grant-same", number=number)
    granting.narrow(the_site(), the_actor(), number, **less)
    return _details(number)


@grant_api.post("/<int:number>/revoke")
@needs(Need.LOGIN)
@grant_api.output(GrantDetails)
def revoke_grant(number: int) -> dict[str, Any]:
    """Ends a grant: nothing more is seen by it, from the next request on. For administrators."""
    _details(number)
    granting.revoke(the_site(), the_actor(), number)
    return _details(number)


def _details(number: int) -> dict[str, Any]:
    info, sensors = granting.look(the_site(), the_actor(), min(number, _MOST_NUMBER))
    return _grant(info) | {"sensors": sensors, "words": words(info.scope, sensors, the_site().days.zone)}


def _grant(one: GrantInfo) -> dict[str, Any]:
    return {
        "id": one.id,
        "user": one.user,
        "state": one.scope.state(the_site().clock()),
        "words": words(one.scope, None, the_site().days.zone),
        "scope": told(one.scope),
    }
