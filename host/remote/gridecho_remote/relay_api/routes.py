"""What relays ask of the remote over HTTP: take this batch, this is what I hold, how I am, give me my keys, enrol me."""

from flask import Blueprint, Response, current_app, jsonify, request
from gridecho.crypto import same
from gridecho.errors import ProtocolError
from gridecho.groups import BATCH, CARRY_MARGIN_BYTES, DEFLATED_BATCH, PIECE, read_carry
from gridecho.holdings import MAX_PIECE_BYTES
from gridecho.relay_keys import relay_token
from pydantic import ValidationError

from ..store import enrol_codes, orders
from ..store.enrol import link_keys, relay_secret
from ..use import heartbeats, loads
from ..web.context import connections_of, the_site
from ..web.problems import problem

relay_api = Blueprint("relay_api", __name__, url_prefix="/relay/v1")
_HEARTBEAT_BYTES = 256 << 10
_BINARY = "application/octet-stream"
_NOT_PROVEN = loads.NOT_PROVEN


@relay_api.post("/batch")
def batch() -> Response:
    """Stores a batch and answers with the receipt; the batch's MAC proves the relay whose frames they are."""
    site = the_site()
    request.max_content_length = site.settings.max_batch_bytes
    if request.content_encoding not in (None, "deflate"):
        return problem(415, "A batch comes as it is, or with Content-Encoding: deflate.")
    kind = DEFLATED_BATCH if request.content_encoding else BATCH
    return _answered(loads.take(site, (kind, _data())))


@relay_api.post("/index")
def index() -> Response:
    """Takes in a piece of a relay's index, whose MAC proves the relay, and says what is known of it then."""
    request.max_content_length = MAX_PIECE_BYTES
    return _answered(loads.take(the_site(), (PIECE, _data())))


@relay_api.post("/carry")
def carry() -> Response:
    """Takes what the proxy of a group brings of several relays, if it is the proxy in the term it names; 409 if it is not."""
    site = the_site()
    request.max_content_length = site.settings.max_batch_bytes + CARRY_MARGIN_BYTES
    try:
        brought = read_carry(_data())
    except ProtocolError as error:
        return problem(400, f"Not a carry: {error}.")
    if not _shows_token(brought.relay_id):
        return problem(401, _NOT_PROVEN)
    carried = loads.take_carry(site, brought)
    return Response(carried.pack(), 200 if carried.answers else 409, content_type=_BINARY)


@relay_api.post("/heartbeat")
def heartbeat() -> Response:
    """Takes down how a relay is, and tells it what is new."""
    site = the_site()
    request.max_content_length = _HEARTBEAT_BYTES
    try:
        beat = heartbeats.Beat.model_validate_json(request.get_data(cache=False))
    except ValidationError as error:
        return problem(400, f"Not a heartbeat: {error.error_count()} fields are not as expected.")
    if not _shows_token(beat.relay):
        return problem(401, _NOT_PROVEN)
    archive, now_ms = site.archive, int(site.clock() * 1000)
    news = heartbeats.take(archive, beat, now_ms)
    return jsonify(
        {
            "utc_ms": now_ms,
            "keys_version": archive.keys_version,
            "orders_version": archive.orders_version,
            "pulls": [body.hex() for body in news.pulls],
            "group": news.group,
            "proxy": news.proxy,
            "turn": loads.turn_for(site, beat.relay).hex(),
        }
    )


@relay_api.post("/enrol")
def enrol() -> Response:
    """Enrols the relay that shows a one-time code. Every code that is not good has the same answer."""
    site = the_site()
    try:
        asked = enrol_codes.Question.model_validate_json(request.get_data(cache=False))
    except ValidationError:
        return problem(400, "A code, a nonce of 32 hex digits and a name were expected.")
    enrolled = enrol_codes.use_code(site.archive, asked.code, asked.nonce, int(site.clock()))
    if enrolled is None:
        return problem(403, "This code is not known, was used, or has expired; ask for a new one.")
    return jsonify({"relay_id": enrolled.relay_id, "name": enrolled.name, "secret": enrolled.secret.hex()})


@relay_api.get("/keys")
def keys() -> Response:
    """The link keys of every sensor for the relay that asks with its token; 304 if it has this version."""
    site = the_site()
    relay_id = _proven()
    if relay_id is None:
        return problem(401, _NOT_PROVEN)
    version = site.archive.keys_version
    if request.args.get("have", type=int) == version:
        return Response(status=304)
    # Read after the version: keys that are newer than it are fetched again, never missed.
    return jsonify({"version": version, "sensors": link_keys(site.archive, relay_id)})


@relay_api.get("/orders")
def waiting_orders() -> Response:
    """Which sensors have an order waiting, for a relay with its token; 304 if it has this version."""
    if _proven() is None:
        return problem(401, _NOT_PROVEN)
    archive = the_site().archive
    version = archive.orders_version
    if request.args.get("have", type=int) == version:
        return Response(status=304)
    return jsonify({"version": version, "orders": orders.waiting(archive)})


@relay_api.get("/orders/<int:sensor_id>")
def order(sensor_id: int) -> Response:
    """The sealed order that a sensor is to take next, for a relay with its token."""
    if _proven() is None:
        return problem(401, _NOT_PROVEN)
    sealed = orders.sealed_order(the_site().archive, sensor_id) if sensor_id < 1 << 32 else None
    if sealed is None:
        return problem(404, "Nothing waits for this sensor.")
    return Response(sealed, 200, content_type="application/octet-stream")


def _proven() -> int | None:
    """The id of the relay that asks, if it shows its token."""
    relay_id = request.args.get("relay", type=int, default=-1)
    return relay_id if _shows_token(relay_id) else None


def _shows_token(relay_id: int) -> bool:
    secret = relay_secret(the_site().archive, relay_id) if 0 < relay_id < 1 << 32 else None
    if secret is None:
        return False
    expected = "Bearer " + relay_token(secret, relay_id).hex()
    return same(expected.encode(), request.headers.get("Authorization", "").encode())


def _data() -> bytes:
    connections_of(current_app).used(request.environ)
    return request.get_data(cache=False)


def _answered(taken: loads.Taken) -> Response:
    if taken.status == 200:
        return Response(taken.answer, 200, content_type=_BINARY)
    refused = problem(taken.status, taken.detail)
    if taken.wait_s:
        refused.headers["Retry-After"] = str(taken.wait_s)
    return refused
