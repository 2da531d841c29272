"""Browsers that a person has logged in with before, by a cookie: wrong passwords of strangers do not count against them.

A limit by name alone would let anybody lock anybody out, and one by address everybody behind it. So a known browser has a limit
of its own (OWASP, Device Cookies). The cookie lets nobody in: it only says whose limit counts.
"""

import secrets

from flask import current_app, request
from itsdangerous import BadSignature, URLSafeSerializer
from werkzeug.wrappers import Response

from ..rules.names import key_of

_COOKIE = "gridecho_device"
_LASTS_S = 365 * 24 * 3600


def known_device(name: str) -> str | None:
    """A name for the browser that posts a login form, if the person named there has logged in with it before."""
    try:
        key, device = _serializer().loads(request.cookies.get(_COOKIE, ""))
    except (BadSignature, ValueError):
        return None
    return f"device {device}" if key == key_of(name) else None


def remember_device(response: Response, name: str) -> Response:
    """Gives the browser its cookie after a login as `name`."""
    config = current_app.config
    response.set_cookie(
        _COOKIE,
        _serializer().dumps([key_of(name), secrets.token_hex(8)]),
        max_age=_LASTS_S,
        path="/login",
        secure=config["SESSION_COOKIE_SECURE"],
        httponly=True,
        samesite="Lax",
    )
    return response


def _serializer() -> URLSafeSerializer:
    return URLSafeSerializer(current_app.config["SECRET_KEY"], salt="device")
