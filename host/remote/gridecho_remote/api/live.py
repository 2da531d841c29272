"""Readings as they come: server-sent events of one sensor, or of several (live/)."""

from collections.abc import Iterator

from apiflask import FileSchema
from flask import Response, request
from flask_login import current_user
from pydantic import Field

from ..live import events
from ..live.hub import Stream, Wire, live
from ..rules.errors import RemoteError
from ..use import streams
from ..use.streams import Position, Viewer
from ..web.context import the_actor, the_site
from ..web.guard import Need, needs
from ..web.problems import problem
from ..web.running import LINE
from .parameters import Quantities, Query
from .sensors import api

_WAIT_S = 10


class LiveQuery(Query):
    """Of which quantities, and from where on."""

    quantities: Quantities
    after: str | None = Field(
        None,
        max_length=16_000,
        description="The id of the event after which it goes on, as the header `Last-Event-ID`.",
    )


class LiveSensorsQuery(LiveQuery):
    """Of which sensors, too."""

    sensors: str = Field(
        "", max_length=600, description="Their numbers, 50 at most, with commas between.", examples=["7,8"]
    )


@api.get("/sensors/<int:sensor_id>/live")
@needs(Need.PERSON)
@api.input(LiveQuery, "query", arg_name="asked")
@api.output(FileSchema(), content_type=events.EVENTS)
def live_readings(sensor_id: int, asked: LiveQuery) -> Response:
    """One sensor's readings as they come, each event in the form of /readings."""
    return _stream((sensor_id,), asked, one=True)


@api.get("/live")
@needs(Need.PERSON)
@api.input(LiveSensorsQuery, "query", arg_name="asked")
@api.output(FileSchema(), content_type=events.EVENTS)
def live_sensors(asked: LiveSensorsQuery) -> Response:
    """The same of the sensors that `sensors` names, 50 at most: what came at a time is one event."""
    names = asked.sensors.split(",")
    if not all(name.isascii() and name.isdecimal() and len(name) <= 10 for name in names):
        raise RemoteError("live-sensors", most=streams.MOST_SENSORS)
    return _stream(tuple(sorted(set(map(int, names)))), asked, one=False)


def _stream(sensor_ids: tuple[int, ...], asked: LiveQuery, *, one: bool) -> Response:
    site, actor, hub = the_site(), the_actor(), live()
    token = None if actor.by is not None else str(current_user.token)
    viewer = Viewer(actor, sensor_ids, asked.quantities, token)
    at = request.headers.get("Last-Event-ID") or asked.after
    after = Position.read(at, site.now_ms()) if at else None
    noted = streams.begin(site, viewer)
    wire: Wire | None = request.environ.get(LINE)
    if wire is None:
        return problem(503, RemoteError("live-here"))
    # A proxy hands on what comes as it comes.
    headers = {"X-Accel-Buffering": "no"}
    if request.method == "HEAD":
        return Response(content_type=events.EVENTS, headers=headers)
    refused = hub.admit(actor.id)
    if refused is not None:
        answer = problem(429 if refused.code == "live-yours" else 503, refused)
        answer.headers["Retry-After"] = str(_WAIT_S)
        return answer
    stream = Stream(viewer, wire, one, after, noted)

    def head() -> Iterator[bytes]:
        yield events.HEAD

    answer = Response(head(), content_type=events.EVENTS, headers=headers)
    answer.call_on_close(lambda: wire.stream(lambda: hub.begin(stream)))
    return answer
