"""The one guard of every route: a view says what it needs of who calls, and nobody else's request comes to it.

A view that says nothing is refused to all. At the API a program may show a token in place of a login. `g.actor` is who calls,
for the use cases (`context.the_actor`).
"""

import logging
from collections.abc import Callable
from enum import StrEnum
from typing import Any, TypeVar

from flask import Flask, abort, current_app, g, request
from flask_login import current_user
from werkzeug.wrappers import Response

from ..rules.actor import Actor
from ..rules.errors import NotFoundError, RemoteError, UnprovenError
from ..use import relays
from ..use.site import Site
from .bearing import bearer, shown_token
from .context import the_site
from .parties import parties_of
from .problems import TOKEN_READS, for_programs, refused

log = logging.getLogger("gridecho.remote.guard")
View = TypeVar("View", bound=Callable[..., Any])


class Need(StrEnum):
    """What a route needs of who calls it."""

    NOTHING = "nothing"
    CODE = "code"  # in what it brings: the view has a use case check it
    RELAY = "relay"  # its id in the query, its token beside it: nothing of a body is looked at before
    ACCOUNT = "account"  # a person, also one who has to choose a password yet
    PERSON = "person"  # who logged in, or a program with their token
    LOGIN = "login"  # a person who logged in themselves
    OPERATOR = "operator"  # a person who runs the fleet


SAFE = ("GET", "HEAD", "OPTIONS")
_ID_DIGITS = 10

# Views of libraries, which cannot say so themselves.
_FILES = {"static": Need.NOTHING, "bootstrap.static": Need.NOTHING}


def needs(need: Need) -> Callable[[View], View]:
    """Says what a view needs; to stand below its route."""

    def declare(view: View) -> View:
        view.need = need  # type: ignore[attr-defined]
        return view

    return declare


def need_of(app: Flask, endpoint: str) -> Need | None:
    """What the view of a route needs; None: it does not say."""
    said: Need | None = getattr(app.view_functions[endpoint], "need", None)
    return said or _FILES.get(endpoint)


def set_guard(app: Flask, log_in: Callable[[], Response], new_password: Callable[[], Response]) -> None:
    """Guards every route of `app`. `log_in` and `new_password` are what a page gives to who has to do that first."""

    @app.before_request
    def guard() -> Response | None:
        if request.endpoint is None:
            return None  # there is no such address
        need = need_of(current_app, request.endpoint)
        if need is None:
            log.error("unguarded endpoint=%s; it is refused", request.endpoint)
            abort(500)
        if request.mimetype == "multipart/form-data":
            return refused(400, RemoteError("form-kind"))
        if need in (Need.NOTHING, Need.CODE):
            return None
        if need is Need.RELAY:
            actor = relay_that_shows(
                the_site(), request.args.get("relay", ""), request.headers.get("Authorization", "")
            )
            if actor is None:
                raise UnprovenError("relay-unproven")
            g.actor = actor
            parties_of(current_app).shown(f"relay {actor.id}")
            return None
        token = shown_token()
        if token is not None:
            found = bearer(token)
            if isinstance(found, Response):
                return found
            parties_of(current_app).shown(f"person {found.id}")
            g.actor = found
            _require(need)
            return None if request.method in SAFE else refused(403, TOKEN_READS)
        if not current_user.is_authenticated:
            return refused(401, UnprovenError("log-in")) if for_programs() else log_in()
        parties_of(current_app).shown(f"person {current_user.id}")
        if current_user.must_change and need is not Need.ACCOUNT:
            return refused(403, UnprovenError("password-first")) if for_programs() else new_password()
        g.actor = current_user.actor
        _require(need)
        return None


def _require(need: Need) -> None:
    if (need is Need.LOGIN and g.actor.by is not None) or (need is Need.OPERATOR and not g.actor.operator):
        raise NotFoundError("nothing-here")


def relay_that_shows(site: Site, relay: str, authorization: str) -> Actor | None:
    """The relay with this id, if the header has its token."""
    scheme, _, token = authorization.partition(" ")
    known = scheme == "Bearer" and relay.isascii() and relay.isdecimal() and len(relay) <= _ID_DIGITS
    return relays.proven(site, int(relay), token) if known else None
