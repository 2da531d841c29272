"""Each request has an id: in its answer, in what the log says meanwhile, and in what somebody is told when the remote fails.

A trusted proxy may have given it one already (proxies.py lets nobody else's through).
"""

import logging
import re
import secrets
import time

from flask import Flask, Response, g, request
from gridecho_common.logs import REQUEST

log = logging.getLogger("gridecho.remote.requests")

HEADER = "X-Request-ID"
_FORM = re.compile(r"[A-Za-z0-9._-]{1,64}")


def attach_request_ids(app: Flask, log_each: bool) -> None:
    """To be called before the guard is set. `log_each`: a line for each request that was answered; never of its query or body."""

    @app.before_request
    def begin() -> None:
        told = request.headers.get(HEADER, "")
        REQUEST.set(told if _FORM.fullmatch(told) else secrets.token_hex(8))
        g.begun_s = time.monotonic()

    @app.after_request
    def tell(response: Response) -> Response:
        response.headers[HEADER] = REQUEST.get()
        g.status = response.status_code
        return response

    @app.teardown_request
    def end(_error: BaseException | None) -> None:
        if log_each and "status" in g:
            who = f"{g.actor.kind} {g.actor.id}" if "actor" in g else "-"
            ms = round(1000 * (time.monotonic() - g.begun_s))
            log.info(
                "request method=%s path=%r status=%d ms=%d who=%r", request.method, request.path, g.status, ms, who
            )
        REQUEST.set("")
