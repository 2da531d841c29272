"""Requests that show a token in place of a login (RFC 6750): wrong ones have one answer, and an address has so many tries."""

from flask import Response, request

from ..rules.actor import Actor
from ..rules.errors import RemoteError, UnprovenError
from ..use import tokens, tries
from .context import the_site
from .problems import problem

_MOST, _WITHIN_S = 30, 60  # wrong tokens from one address; right ones are taken whatever others there tried


def shown_token() -> str | None:
    """The token that a request for the API shows; None: it shows none, so that its cookie counts."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if request.path.startswith("/api/") and scheme.lower() == "bearer" else None


def bearer(token: str) -> Actor | Response:
    """For whom a program comes that shows this, or what it is answered."""
    site = the_site()
    found = tokens.find(site, token)
    if found is not None:
        return found
    key = f"token {request.remote_addr}"
    count, until_s = tries.state(site, key)
    if count >= _MOST:
        answer = problem(429, RemoteError("tokens-tried"))
        answer.headers["Retry-After"] = str(max(1, int(until_s - site.clock())))
        return answer
    tries.add(site, key, _WITHIN_S)
    answer = problem(401, UnprovenError("token-refused"))
    answer.headers["WWW-Authenticate"] = 'Bearer realm="gridecho", error="invalid_token"'
    return answer
