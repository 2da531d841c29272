"""/api/v1/me: who one is, one's tokens for programs, and the applications that one lets see something."""

from typing import Any, Literal

from apiflask import APIBlueprint, EmptySchema
from flask import Response
from flask_wtf.csrf import generate_csrf
from gridecho.registers import CODE_OF
from pydantic import Field

from ..rules.errors import UnprovenError
from ..rules.plain_scopes import quantity_mask
from ..rules.scope_words import words_of_part
from ..rules.scopes import METERED, MOST_NAMED, Resolution, Scope
from ..use import consents, notices, people, tokens
from ..web.context import the_actor, the_site
from ..web.guard import Need, needs
from .answers import Answer, Time
from .bodies import Body, Name, Text

me_api = APIBlueprint("me_api", __name__, url_prefix="/api/v1/me", tag="Oneself")

_TOKEN = {"name": "report", "password": "a long enough password", "days": 90, "resolution": "day"}
_MOST_ID = (1 << 31) - 1


class RoleTold(Answer):
    """What somebody may do beyond looking."""

    kind: str = Field(description="operator, administrator or auditor.", examples=["administrator"])
    region: str = Field(description="Empty: everywhere.", examples=["north"])


class Me(Answer):
    """Who calls."""

    name: str = Field(examples=["ada"])
    organisation: str | None = Field(examples=[None])
    roles: list[RoleTold]
    unread: int = Field(description="Notices that were not seen yet.", examples=[0])
    csrf: str = Field(
        description="For the header `X-CSRFToken` of what changes something, as long as this login lasts."
    )


class TokenSent(Body):
    """A new token: for what, of which part of what one sees, for how long."""

    name: Name = Field(examples=["report"])
    password: Text | None = Field(None, description="One's own, if one has one: a token outlives a login.")
    days: int = Field(ge=1, le=tokens.MOST_DAYS)
    sensors: list[int] | None = Field(
        None, max_length=MOST_NAMED, description="All that one sees, where none is named."
    )
    quantities: list[Literal[tuple(CODE_OF)]] | None = Field(None, max_length=len(CODE_OF))  # type: ignore[valid-type]
    resolution: Literal["raw", "quarter", "hour", "day", "month"] = Field("raw", description="The finest.")
    export: bool = Field(False, description="As files, too.")
    live: bool = Field(False, description="As they come; else nothing of a day before it is over.")

    def part(self) -> Scope:
        """Of what one sees."""
        return Scope(
            sensors=frozenset(self.sensors) if self.sensors else None,
            resolution=Resolution[self.resolution.upper()],
            export=self.export,
            live=self.live,
            quantities=quantity_mask(self.quantities) if self.quantities else METERED,
        )


class NewToken(Answer):
    """A token, which is told this once."""

    id: int = Field(examples=[1])
    token: str = Field(description="To be shown as `Authorization: Bearer …`.", examples=["gridecho_…"])


class TokenTold(Answer):
    """A token of one's own."""

    id: int = Field(examples=[1])
    name: str = Field(examples=["report"])
    words: str = Field(description="What it opens, for people.", examples=["all sensors, daily, no export"])
    begun: Time
    expires: Time
    used: Time | None = Field(description="When it was last used.")


class Tokens(Answer):
    """The newest first; there are 50 at most."""

    tokens: list[TokenTold]


class ConsentTold(Answer):
    """An application of others that sees something of one's own."""

    id: int = Field(examples=[1])
    application: str = Field(examples=["Solar"])
    words: str = Field(examples=["sensor 7, daily, no export"])
    given: Time
    expires: Time
    used: Time | None = Field(description="When it last came.")


class Consents(Answer):
    """The newest first; there are 50 at most."""

    consents: list[ConsentTold]


@me_api.get("")
@needs(Need.LOGIN)
@me_api.output(Me)
def me() -> dict[str, Any]:
    """Who calls, and what one may do."""
    site, actor = the_site(), the_actor()
    info = people.me(site, actor)
    return {
        "name": info.name,
        "organisation": info.organisation,
        "roles": [{"kind": one.kind.value, "region": one.region} for one in info.roles],
        "unread": notices.unread(site, actor),
        "csrf": generate_csrf(),
    }


@me_api.get("/tokens")
@needs(Need.LOGIN)
@me_api.output(Tokens)
def my_tokens() -> dict[str, Any]:
    """One's tokens for programs."""
    zone = the_site().days.zone
    return {
        "tokens": [
            {
                "id": one.id,
                "name": one.name,
                "words": words_of_part(one.part, zone),
                "begun": one.begun_s,
                "expires": one.expires_s,
                "used": one.used_s,
            }
            for one in tokens.mine(the_site(), the_actor())
        ]
    }


@me_api.post("/tokens")
@needs(Need.LOGIN)
@me_api.input(TokenSent, arg_name="sent", example=_TOKEN)
@me_api.output(NewToken, 201)
def make_token(sent: TokenSent) -> dict[str, Any]:
    """Makes a token for a program, which is told in this answer and never again; 401 for a wrong password."""
    site, actor = the_site(), the_actor()
    if people.has_password(site, actor) and not people.is_password(site, actor, sent.password or ""):
        raise UnprovenError("password-wrong")
    made = tokens.add(site, actor, sent.name, sent.part(), sent.days)
    return {"id": made.id, "token": made.token}


@me_api.delete("/tokens/<int:number>")
@needs(Need.LOGIN)
@me_api.output(EmptySchema, 204)
def end_token(number: int) -> Response:
    """Ends a token, from its next request on."""
    tokens.end(the_site(), the_actor(), min(number, _MOST_ID))
    return Response(status=204)


@me_api.get("/consents")
@needs(Need.LOGIN)
@me_api.output(Consents)
def my_consents() -> dict[str, Any]:
    """The applications of others that one lets see something of one's own."""
    zone = the_site().days.zone
    return {
        "consents": [
            {
                "id": one.id,
                "application": one.application,
                "words": words_of_part(one.part, zone),
                "given": one.given_s,
                "expires": one.expires_s,
                "used": one.used_s,
            }
            for one in consents.mine(the_site(), the_actor())
        ]
    }


@me_api.delete("/consents/<int:number>")
@needs(Need.LOGIN)
@me_api.output(EmptySchema, 204)
def end_consent(number: int) -> Response:
    """Ends what an application sees, from its next request on."""
    consents.end(the_site(), the_actor(), min(number, _MOST_ID))
    return Response(status=204)
