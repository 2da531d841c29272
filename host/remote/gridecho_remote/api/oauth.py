"""/oauth: where applications get, renew and give back tokens, and where they read of it (RFC 6749, 7009, 8414)."""

from authlib.oauth2 import OAuth2Error
from flask import Blueprint, Response, jsonify
from werkzeug.wrappers import Response as BaseResponse

from ..web.authorization import metadata, the_server
from ..web.guard import Need, needs

oauth = Blueprint("oauth", __name__)


@oauth.post("/oauth/token")
@needs(Need.CODE)
def token() -> BaseResponse:
    """Tokens for a code, or for a token that was given for this."""
    try:
        answer: BaseResponse = the_server().create_token_response()
    except OAuth2Error as error:  # it came over plain HTTP
        return _said(error)
    return answer


@oauth.post("/oauth/revoke")
@needs(Need.CODE)
def revoke() -> BaseResponse:
    """Ends a token; 200 also for one that there is not."""
    try:
        answer: BaseResponse = the_server().create_endpoint_response("revocation")
    except OAuth2Error as error:
        return _said(error)
    return answer


@oauth.get("/.well-known/oauth-authorization-server")
@needs(Need.NOTHING)
def server_metadata() -> Response:
    """What there is, and where."""
    return jsonify(metadata())


def _said(error: OAuth2Error) -> Response:
    status, body, _ = error()
    answer = jsonify(dict(body))
    answer.status_code = status
    return answer
