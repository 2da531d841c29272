"""What relays ask of the remote over HTTP: take this batch, this is what I hold, how I am, give me my keys, enrol me."""

from dataclasses import asdict

from flask import Blueprint, Response, current_app, jsonify, request
from gridecho.errors import ProtocolError
from gridecho.groups import BATCH, CARRY_MARGIN_BYTES, DEFLATED_BATCH, PIECE, read_carry
from gridecho.holdings import MAX_PIECE_BYTES
from pydantic import ValidationError

from ..rules.errors import RemoteError
from ..use import calls, enrolment, heartbeats, loads, orders, relays
from ..web.context import connections_of, the_actor, the_site
from ..web.guard import Need, needs
from ..web.problems import problem

relay_api = Blueprint("relay_api", __name__, url_prefix="/relay/v1")
_HEARTBEAT_BYTES = 256 << 10
_BINARY = "application/octet-stream"


@relay_api.post("/batch")
@needs(Need.RELAY)
def batch() -> Response:
    """Stores a batch and answers with the receipt. The token is for who brings it; the batch's MAC proves whose frames they are."""
    site = the_site()
    request.max_content_length = site.settings.max_batch_bytes
    if request.content_encoding not in (None, "deflate"):
        return problem(415, RemoteError("encoding-unknown"))
    kind = DEFLATED_BATCH if request.content_encoding else BATCH
    return _answered(loads.take(site, (kind, _data())))


@relay_api.post("/index")
@needs(Need.RELAY)
def index() -> Response:
    """Takes in a piece of a relay's index, whose MAC proves the relay, and says what is known of it then."""
    request.max_content_length = MAX_PIECE_BYTES
    return _answered(loads.take(the_site(), (PIECE, _data())))


@relay_api.post("/carry")
@needs(Need.RELAY)
def carry() -> Response:
    """Takes what the proxy of a group brings of several relays, if it is the proxy in the term it names; 409 if it is not."""
    site = the_site()
    request.max_content_length = site.settings.max_batch_bytes + CARRY_MARGIN_BYTES
    try:
        brought = read_carry(_data())
    except ProtocolError as error:
        return problem(400, RemoteError("carry-wrong", where=error.where, what=error.what))
    carried = loads.take_carry(site, the_actor(), brought)
    return Response(carried.pack(), 200 if carried.answers else 409, content_type=_BINARY)


@relay_api.post("/heartbeat")
@needs(Need.RELAY)
def heartbeat() -> Response:
    """Takes down how a relay is, and tells it what is new."""
    request.max_content_length = _HEARTBEAT_BYTES
    try:
        beat = heartbeats.Beat.model_validate_json(request.get_data(cache=False))
    except ValidationError as error:
        return problem(400, RemoteError("heartbeat-wrong", count=error.error_count()))
    news = heartbeats.take(the_site(), the_actor(), beat, request.remote_addr or "")
    pulls = [body.hex() for body in news.pulls]
    return jsonify(asdict(news) | {"pulls": pulls, "turn": news.turn.hex()})


@relay_api.get("/calls")
@needs(Need.RELAY)
def call() -> Response:
    """What stands for what the relay's next heartbeat would bring; the server has it wait while that is as `seen` (parked.py)."""
    return jsonify({"news": calls.news(the_site(), the_actor())})


@relay_api.post("/enrol")
@needs(Need.CODE)
def enrol() -> Response:
    """Enrols the relay that shows a one-time code. Every code that is not good has the same answer."""
    try:
        asked = enrolment.Question.model_validate_json(request.get_data(cache=False))
    except ValidationError:
        return problem(400, RemoteError("question-wrong"))
    enrolled = enrolment.use_code(the_site(), asked)
    if enrolled is None:
        return problem(403, RemoteError("code-unknown"))
    return jsonify({"relay_id": enrolled.relay_id, "name": enrolled.name, "secret": enrolled.secret.hex()})


@relay_api.get("/keys")
@needs(Need.RELAY)
def keys() -> Response:
    """The link keys of every sensor for the relay that asks with its token; 304 if it has this version."""
    found = relays.keys(the_site(), the_actor(), request.args.get("have", type=int))
    if found is None:
        return Response(status=304)
    version, sensors = found
    return jsonify({"version": version, "sensors": sensors})


@relay_api.get("/orders")
@needs(Need.RELAY)
def waiting_orders() -> Response:
    """Which sensors have an order waiting, for a relay with its token; 304 if it has this version."""
    found = orders.waiting(the_site(), the_actor(), request.args.get("have", type=int))
    if found is None:
        return Response(status=304)
    version, waiting = found
    return jsonify({"version": version, "orders": waiting})


@relay_api.get("/orders/<int:sensor_id>")
@needs(Need.RELAY)
def order(sensor_id: int) -> Response:
    """The sealed order that a sensor is to take next, for a relay with its token."""
    sealed = orders.sealed(the_site(), the_actor(), sensor_id)
    if sealed is None:
        return problem(404, RemoteError("order-none"))
    return Response(sealed, 200, content_type=_BINARY)


def _data() -> bytes:
    connections_of(current_app).used(request.environ)
    return request.get_data(cache=False)


def _answered(taken: loads.Taken) -> Response:
    if taken.error is None:
        return Response(taken.answer, 200, content_type=_BINARY)
    refused = problem(taken.status, taken.error)
    if taken.wait_s:
        refused.headers["Retry-After"] = str(taken.wait_s)
    return refused
