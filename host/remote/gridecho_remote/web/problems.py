"""Errors as answers: problem details (RFC 9457) for programs, a page for people; the same for unknown and not granted."""

import logging

from flask import Response, current_app, g, json, render_template, request
from flask.globals import request_ctx
from flask_login import current_user
from flask_wtf.csrf import CSRFError
from gridecho_common.logs import REQUEST
from werkzeug.exceptions import HTTPException

from ..rules.errors import DamagedError, RemoteError, StorageAwayError, StorageFullError
from ..rules.sentences import sentence
from ..use import looks
from . import languages
from .context import the_site

log = logging.getLogger("gridecho.remote")

_FULL_S, _AWAY_S = 30, 5
_FOR_PROGRAMS = ("/api/", "/relay/", "/oauth/token", "/oauth/revoke", "/.well-known/", "/readyz")

NOTHING_HERE = RemoteError("nothing-here")
TOKEN_READS = RemoteError("token-reads")
_TITLES = {
    401: "Not logged in",
    404: "Not found",
    413: "Too large",
    429: "Too many",
    503: "Not now",
    507: "Storage full",
}
_ERRORS = {
    404: NOTHING_HERE,
    405: RemoteError("method-wrong"),
    413: RemoteError("too-large"),
    429: RemoteError("too-many-tries"),
    500: RemoteError("failed"),
}


def for_programs() -> bool:
    """Whether the request came to an address for programs."""
    return request.path.startswith(_FOR_PROGRAMS)


def problem(status: int, error: RemoteError) -> Response:
    """A problem details answer: the sentence, and the code and fields that it was made of."""
    said = {"type": "about:blank", "title": _TITLES.get(status, "Error"), "status": status}
    body = said | {"detail": sentence(error), "code": error.code, "fields": error.fields}
    if status == 500:
        body["request"] = REQUEST.get()
    response = Response(json.dumps(body), status, content_type="application/problem+json")
    if status == 401:
        response.headers["WWW-Authenticate"] = (
            "Bearer" if request.path.startswith("/relay/") else 'Cookie realm="gridecho", Bearer realm="gridecho"'
        )
    return response


def refused(status: int, error: RemoteError) -> Response:
    """The answer to what cannot be: problem details or a page."""
    if request_ctx.url_adapter is None:  # the request names a host that cannot be, so no page knows its own address
        return Response(languages.sentence(error), status, content_type="text/plain; charset=utf-8")
    return problem(status, error) if for_programs() else _page(status, languages.sentence(error))


def answer(error: HTTPException) -> Response:
    """The answer to any HTTP error."""
    status = error.code or 500
    original = getattr(error, "original_exception", None)
    if original is not None and _of_storage(original):  # it came after the view, when guesses are counted
        return storage_failed(original)
    if error.response is not None or status < 400:
        return Response(error.get_response().get_data(), status, error.get_headers())
    if status in _ERRORS:
        return refused(status, _ERRORS[status])
    if request_ctx.url_adapter is None:
        return refused(400, RemoteError("host-wrong"))
    if for_programs():
        return problem(status, RemoteError("request-wrong", what=error.name.lower()))
    return _page(status, languages.sentence(RemoteError("request-wrong", what=error.name.lower())))


def cannot_be(error: RemoteError) -> Response:
    """What a use case refused."""
    return refused(400, error)


def unproven(error: RemoteError) -> Response:
    """Who asks did not show who they are."""
    return refused(401, error)


def nothing_there(error: RemoteError) -> Response:
    """What is not there, or not for who asks: who that was is noted."""
    actor = g.get("actor")
    if actor is not None:
        try:
            looks.refused(the_site(), actor, error)
        except (StorageFullError, StorageAwayError) as storage:
            return storage_failed(storage)
    return refused(404, NOTHING_HERE)


def csrf_failed(_error: CSRFError) -> Response:
    """A form that came without what its page had given to the browser, and what to do about that; or a program without that."""
    if request.path.startswith("/api/"):
        if "Authorization" in request.headers:
            return problem(403, TOKEN_READS)
        if not current_user.is_authenticated:
            return problem(401, RemoteError("log-in"))
        return problem(400, RemoteError("csrf-missing"))
    no_cookie = current_app.config["SESSION_COOKIE_SECURE"] and not request.is_secure and not request.cookies
    return refused(400, RemoteError("cookie-https" if no_cookie else "form-old"))


def damaged(error: DamagedError) -> Response:
    """What is stored there cannot be read any more."""
    log.error("damaged %s", error)
    return refused(500, error)


def storage_failed(error: Exception) -> Response:
    """The database has no room or cannot be reached now: who asked may come again. Any other error of it is a failure of ours."""
    said = _of_storage(error)
    if said is None:
        raise error
    full = isinstance(said, StorageFullError)
    status, wait_s, code = (
        (507, _FULL_S, RemoteError("storage-full")) if full else (503, _AWAY_S, RemoteError("storage-away"))
    )
    if the_site().seldom.now(code.code):
        log.error("%s reason=%r; it is told to who asks, and tried again", code.code, str(error.__cause__ or error))
    # Who is logged in is in the database, too.
    answer = problem(status, code) if for_programs() else _page(status, languages.sentence(code), current_user=None)
    answer.headers["Retry-After"] = str(wait_s)
    return answer


def _of_storage(error: Exception) -> BaseException | None:
    said = the_site().archive.engine.meaning(error)
    return said if isinstance(said, StorageFullError | StorageAwayError) else None


def _page(status: int, said: str, **known: object) -> Response:
    if status == 500:
        known["request_id"] = REQUEST.get()
    return Response(render_template("error.html", status=status, sentence=said, **known), status)
