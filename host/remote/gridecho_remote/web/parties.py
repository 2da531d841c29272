"""Who is behind a request, before it is answered: what the guard found out about those that showed the same before."""

from collections import OrderedDict
from threading import Lock
from typing import cast

from flask import Flask, request
from werkzeug.http import parse_cookie

_NAME = "gridecho_remote.parties"
_MOST = 10_000


class Parties:
    """Remembers whose a login's cookie or a relay's token is. It lets nobody in: it only says whose share counts."""

    def __init__(self, cookie: str) -> None:
        """`cookie`: the name of the one that holds a login."""
        self._cookie = cookie
        self._known: OrderedDict[tuple[str, str], str] = OrderedDict()
        self._lock = Lock()

    def shown(self, party: str) -> None:
        """The guard found whose this request is."""
        shown = self._shows(request.headers.get("Authorization", ""), request.headers.get("Cookie", ""))
        with self._lock:
            self._known[shown] = party
            self._known.move_to_end(shown)
            if len(self._known) > _MOST:
                self._known.popitem(last=False)

    def of(self, authorization: str, cookies: str) -> str | None:
        """Whose a request with these headers is, if it is known."""
        if not authorization and not cookies:
            return None
        return self._known.get(self._shows(authorization, cookies))

    def _shows(self, authorization: str, cookies: str) -> tuple[str, str]:
        return authorization, parse_cookie(cookies).get(self._cookie, "")


def attach_parties(app: Flask) -> Parties:
    """Has `app` remember them."""
    made = app.extensions[_NAME] = Parties(app.config["SESSION_COOKIE_NAME"])
    return made


def parties_of(app: Flask) -> Parties:
    """Those that `app` remembers."""
    return cast(Parties, app.extensions[_NAME])
