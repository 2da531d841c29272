"""Where the remote asks this relay for what it holds: /pull and /pull/receipt. Each body proves itself; nothing else does."""

import logging
import sqlite3

from flask import Blueprint, Response, request
from gridecho.batch import RECEIPT_BYTES
from gridecho.errors import AuthError, FrameError
from gridecho.holdings import MAX_PULL_BYTES
from gridecho_common.logs import Seldom

from .problems import problem
from .pull import PullBusyError, Pulls

log = logging.getLogger(__name__)

_RETRY_S = 5


def pull_api(pulls: Pulls) -> Blueprint:
    """The two endpoints (docs/protocol.md, "POST /pull and /pull/receipt, at the relay")."""
    api = Blueprint("pull", __name__, url_prefix="/pull")
    seldom = Seldom()

    @api.post("")
    def pull() -> Response:
        request.max_content_length = MAX_PULL_BYTES
        stream = pulls.open(request.get_data(cache=False))
        if stream is None:
            return Response(status=202)
        response = Response(stream, content_type="application/octet-stream")
        response.call_on_close(pulls.ended)
        return response

    @api.post("/receipt")
    def receipt() -> Response:
        request.max_content_length = RECEIPT_BYTES
        if pulls.sign(request.get_data(cache=False)):
            return Response(status=204)
        return problem(404, "This relay waits for no receipt of this batch; the frames go to the remote another time.")

    @api.errorhandler(FrameError)
    def no_request(error: FrameError) -> Response:
        return problem(400, f"Not what was expected here: {error}.")

    @api.errorhandler(AuthError)
    def not_proven(error: AuthError) -> Response:
        if seldom.now("refused"):
            log.warning("pull-refused what=%r from=%s", str(error), request.remote_addr)
        return problem(401, "This is no request of this relay's remote, or it is an old one; do the clocks agree?")

    @api.errorhandler(PullBusyError)
    def busy(_: PullBusyError) -> Response:
        answer = problem(503, "Other requests are under way here; ask again later.")
        answer.headers["Retry-After"] = str(_RETRY_S)
        return answer

    @api.errorhandler(sqlite3.OperationalError)
    def disk(error: sqlite3.OperationalError) -> Response:
        log.error("pull-failed error=%s", error)
        return problem(503, "The relay's disk refused it; nothing was deleted.")

    return api
