"""/healthz and /readyz, for whoever watches the process: they say nothing else, and to everybody."""

from flask import Blueprint, Response

from ..use import health
from ..web.context import the_site
from ..web.guard import Need, needs

health_api = Blueprint("health", __name__)


@health_api.get("/healthz")
@needs(Need.NOTHING)
def healthz() -> Response:
    """The process answers."""
    return _ok()


@health_api.get("/readyz")
@needs(Need.NOTHING)
def readyz() -> Response:
    """It can read its database; else 503, as every answer then."""
    health.ready(the_site())
    return _ok()


def _ok() -> Response:
    return Response("ok\n", content_type="text/plain; charset=utf-8")
