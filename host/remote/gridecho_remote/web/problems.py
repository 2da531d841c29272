"""Errors as answers: problem details (RFC 9457) for programs, a page for people; the same words for unknown and not granted."""

from flask import Response, current_app, json, render_template, request
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import BadRequest, HTTPException, NotFound

from ..rules.errors import RemoteError

NOT_FOUND = "There is nothing here, or it has not been granted to you."
_TITLES = {401: "Not logged in", 404: "Not found", 413: "Too large", 429: "Too many tries", 507: "Storage full"}
_SENTENCES = {
    404: NOT_FOUND,
    405: "This address does not take that kind of request.",
    413: "What was sent is larger than this address takes.",
    429: "Too many wrong passwords; wait a minute and try again.",
    500: "The remote failed at this; its log says why.",
}


def for_programs() -> bool:
    """Whether the request came to an address for programs."""
    return request.path.startswith(("/api/", "/relay/"))


def problem(status: int, detail: str) -> Response:
    """A problem details answer."""
    body = {"type": "about:blank", "title": _TITLES.get(status, "Error"), "status": status, "detail": detail}
    response = Response(json.dumps(body), status, content_type="application/problem+json")
    if status == 401:
        response.headers["WWW-Authenticate"] = (
            "Bearer" if request.path.startswith("/relay/") else 'Cookie realm="gridecho"'
        )
    return response


def answer(error: HTTPException) -> Response:
    """The answer to any HTTP error."""
    status = error.code or 500
    if error.response is not None or status < 400:
        return Response(error.get_response().get_data(), status, error.get_headers())
    sentence = _SENTENCES.get(status) or error.description or error.name
    if for_programs():
        return problem(status, sentence)
    return Response(render_template("error.html", status=status, sentence=sentence), status)


def refused(error: RemoteError) -> Response:
    """What cannot be done."""
    return answer(BadRequest(error.message))


def nothing_there(_error: Exception) -> Response:
    """What is not there, or not for who asks."""
    return answer(NotFound())


def csrf_failed(_error: CSRFError) -> Response:
    """A form that came without what its page had given to the browser, and what to do about that."""
    sentence = "This form is too old, or your browser sent no cookie. Go back, reload the page and try again."
    if current_app.config["SESSION_COOKIE_SECURE"] and not request.is_secure and not request.cookies:
        sentence = (
            "Your browser sent no cookie: this remote gives them over https only (secure_cookies in remote.toml), and you came by "
            "http. Open its https address; or, for a trial without TLS, set secure_cookies = false."
        )
    if for_programs():
        return problem(400, sentence)
    return Response(render_template("error.html", status=400, sentence=sentence), 400)
