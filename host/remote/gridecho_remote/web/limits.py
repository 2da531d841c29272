"""Limits of wrong guesses, counted in the remote's database: all its processes share them, and a restart forgets none."""

from typing import Any

from flask import Flask, request
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from flask_login import current_user
from limits.storage import Storage
from pydantic import ValidationError
from werkzeug.wrappers import Response

from ..rules.errors import StorageFullError
from ..rules.names import key_of
from ..use import enrolment, tries
from ..use.site import Site
from .context import the_site
from .devices import known_device
from .half import half

_ENROL_LIMIT = "10 per minute"  # wrong codes from one address
_JOIN_LIMIT = "10 per hour"  # tries at a new account from one address: each tells whether a name is taken
# Wrong passwords: for one name from one client, and from one client for all names. A client is a browser that this person has
# logged in with before (devices.py), else an address: a stranger who guesses locks out strangers at that address.
_LOGIN_LIMITS = ("5 per minute", "30 per minute")
_CODE_LIMIT = "30 per hour"  # wrong codes of a second factor, of who knows the password, wherever they come from


class _SiteStorage(Storage):
    """Where `limits` counts: fixed windows only, as Flask-Limiter uses by default."""

    STORAGE_SCHEME = ["gridecho"]  # noqa: RUF012 - as its base declares it

    def __init__(self, uri: str | None = None, wrap_exceptions: bool = False, *, site: Site) -> None:
        super().__init__(uri, wrap_exceptions)
        self._site = site

    @property
    def base_exceptions(self) -> type[Exception]:
        """What counting may raise."""
        return StorageFullError

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Counts on."""
        return tries.add(self._site, key, expiry, amount)

    def get(self, key: str) -> int:
        """How many there are."""
        return tries.state(self._site, key)[0]

    def get_expiry(self, key: str) -> float:
        """When they are forgotten, in Unix seconds."""
        return tries.state(self._site, key)[1]

    def check(self) -> bool:
        """Whether it can be asked; what cannot raises."""
        return True

    def reset(self) -> int:
        """Forgets all."""
        return tries.forget(self._site)

    def clear(self, key: str) -> None:
        """Forgets those of a key."""
        tries.forget(self._site, key)


def _shows_a_code() -> bool:
    """Whether a relay shows a code that there is: whoever else guesses at its address does not lock it out."""
    try:
        asked = enrolment.Question.model_validate_json(request.get_data())
    except ValidationError:
        return False
    return enrolment.is_code(the_site(), asked.code)


class _LimiterOfSome(Limiter):
    """Most views have no limit, and the library would look for it with each request."""

    limited: frozenset[str] = frozenset()

    def _check_request_limit(self, callable_name: str | None = None, in_middleware: bool = True) -> None:
        if request.endpoint in self.limited:
            super()._check_request_limit(callable_name, in_middleware)


def limit_guesses(app: Flask, site: Site) -> None:
    """Sets the limits of the views of `app` at which a secret could be guessed."""
    options: dict[str, Any] = {"site": site}
    limiter = _LimiterOfSome(get_remote_address, app=app, storage_uri="gridecho://", storage_options=options)
    as_they_were = dict(app.view_functions)

    def failed(response: Response) -> bool:
        return response.status_code == 401

    def name() -> str:
        shown = half() if request.endpoint == "pages.code" else None
        return shown.name if shown else request.form.get("name", "")

    def client() -> str:
        return known_device(name()) or get_remote_address()

    def name_and_client() -> str:
        return f"{key_of(name())} {client()}"

    def half_way() -> str:
        shown = half()
        return f"code of {shown.id}" if shown else get_remote_address()

    def person() -> str:
        return str(getattr(current_user, "id", get_remote_address()))

    views: dict[str, Any] = app.view_functions
    for limit, key in zip(_LOGIN_LIMITS, (name_and_client, client), strict=True):
        for view in ("pages.log_in", "pages.code"):
            shared = limiter.shared_limit(limit, "log in", key_func=key, methods=["POST"], deduct_when=failed)
            views[view] = shared(views[view])
    limited = limiter.limit(_LOGIN_LIMITS[1], key_func=get_remote_address, methods=["GET"], deduct_when=failed)
    views["pages.openid_back"] = limited(views["pages.openid_back"])
    limited = limiter.limit(_CODE_LIMIT, key_func=half_way, methods=["POST"], deduct_when=failed)
    views["pages.code"] = limited(views["pages.code"])
    for view in ("pages.password", "pages.second_factor", "pages.programs", "me_api.make_token"):
        limited = limiter.limit(_LOGIN_LIMITS[0], key_func=person, methods=["POST"], deduct_when=failed)
        views[view] = limited(views[view])
    limited = limiter.limit(_LOGIN_LIMITS[0], methods=["POST"], deduct_when=failed)
    views["pages.first_account"] = limited(views["pages.first_account"])
    limited = limiter.limit(_LOGIN_LIMITS[1], methods=["POST"], deduct_when=failed)
    for view in ("oauth.token", "oauth.revoke"):
        views[view] = limited(views[view])
    views["pages.join"] = limiter.limit(_JOIN_LIMIT, methods=["POST"])(views["pages.join"])
    wrong = limiter.limit(
        _ENROL_LIMIT, deduct_when=lambda response: response.status_code == 403, exempt_when=_shows_a_code
    )
    views["relay_api.enrol"] = wrong(views["relay_api.enrol"])
    limiter.limited = frozenset(name for name, view in views.items() if view is not as_they_were[name])
