"""Logging in by an OpenID Connect provider: there, and back with what it says."""

from flask import Response, redirect, render_template, request, session, url_for
from flask_login import current_user
from werkzeug.wrappers import Response as BaseResponse

from ..rules.errors import NotFoundError, RemoteError, UnprovenError
from ..use import openid
from ..use.sessions import How
from ..web.context import the_site
from ..web.guard import Need, needs
from ..web.languages import sentence
from .blueprint import pages
from .entering import let_in

_KEY = "openid"
_LASTS_S = 600


@pages.get("/login/openid")
@needs(Need.NOTHING)
def openid_there() -> BaseResponse:
    """To the provider; what its answer must fit stays in this browser's signed cookie."""
    site = the_site()
    if not openid.is_there(site):
        raise NotFoundError("nothing-here")
    if current_user.is_authenticated:
        return redirect(url_for("pages.home"))
    try:
        asked = openid.begin(site, _back())
    except RemoteError as error:
        return _failed(error, 503)
    target = request.args.get("next", "")[:2_000]
    session[_KEY] = [asked.state, asked.nonce, asked.verifier, int(site.clock()), target]
    return redirect(asked.url)


@pages.get("/login/openid/back")
@needs(Need.NOTHING)
def openid_back() -> BaseResponse:
    """With a code from the provider, or with its no. What was begun is over with it, whatever comes of it."""
    site = the_site()
    kept = session.pop(_KEY, None)
    if not openid.is_there(site):
        raise NotFoundError("nothing-here")
    code = request.args.get("code", "")
    if kept is None or site.clock() >= kept[3] + _LASTS_S or not code:
        return _failed(UnprovenError("openid-refused"), 401)
    state, nonce, verifier, _, target = kept
    asked = openid.Asked("", state, nonce, verifier)
    try:
        one = openid.finish(site, asked, _back(), request.args.get("state", ""), code, request.args.get("iss"))
    except UnprovenError as error:
        return _failed(error, 401)
    except RemoteError as error:
        return _failed(error, 503)
    return let_in(one, How.OPENID, target)


def _back() -> str:
    return url_for("pages.openid_back", _external=True)


def _failed(error: RemoteError, status: int) -> Response:
    page = render_template("error.html", status=status, sentence=sentence(error), back=url_for("pages.log_in"))
    return Response(page, status)
