"""What relays ask of the remote over HTTP: take this batch, this is what I hold, how I am, give me my keys, enrol me."""

import zlib

from flask import Blueprint, Response, jsonify, request
from gridecho.crypto import same
from gridecho.errors import AuthError, ProtocolError
from gridecho.holdings import MAX_PIECE_BYTES, piece_sender, read_piece
from gridecho.relay_keys import relay_token
from pydantic import ValidationError

from . import enrol_codes, holdings, orders, pulls
from .context import the_remote
from .enrol import link_keys, relay_secret
from .errors import StorageFullError
from .problems import problem

relay_api = Blueprint("relay_api", __name__, url_prefix="/relay/v1")
_RETRY_S = 30
_NOT_PROVEN = "The relay is not enrolled, or the proof is not its own."


@relay_api.post("/batch")
def batch() -> Response:
    """Stores a batch and answers with the receipt; the batch's MAC proves the relay whose frames they are."""
    remote = the_remote()
    request.max_content_length = remote.settings.max_batch_bytes
    body = request.get_data(cache=False)
    if request.content_encoding == "deflate":
        try:
            body = _inflated(body, remote.settings.max_batch_bytes)
        except zlib.error:
            return problem(400, "Not a batch: the deflated body does not inflate.")
    elif request.content_encoding:
        return problem(415, "A batch comes as it is, or with Content-Encoding: deflate.")
    if len(body) > remote.settings.max_batch_bytes:
        return problem(413, "The batch is longer than this remote takes; send fewer frames.")
    try:
        receipt = remote.ingest.take(body, int(remote.clock() * 1000))
    except AuthError:
        return problem(401, _NOT_PROVEN)
    except ProtocolError as error:
        return problem(400, f"Not a batch: {error}.")
    except StorageFullError:
        full = problem(507, "The remote has no room; nothing of this batch was stored, so keep it and try later.")
        full.headers["Retry-After"] = str(_RETRY_S)
        return full
    return Response(receipt, 200, content_type="application/octet-stream")


@relay_api.post("/index")
def index() -> Response:
    """Takes in a piece of a relay's index, whose MAC proves the relay, and says what is known of it then."""
    remote = the_remote()
    request.max_content_length = MAX_PIECE_BYTES
    body = request.get_data(cache=False)
    try:
        batch_mac, receipt_mac = remote.ingest.macs(piece_sender(body))
        known = holdings.take_piece(remote.archive, read_piece(body, batch_mac))
    except AuthError:
        return problem(401, _NOT_PROVEN)
    except ProtocolError as error:
        return problem(400, f"Not a piece of an index: {error}.")
    return Response(known.pack(receipt_mac), 200, content_type="application/octet-stream")


@relay_api.post("/heartbeat")
def heartbeat() -> Response:
    """Takes down how a relay is, and tells it what is new."""
    remote = the_remote()
    try:
        beat = pulls.Beat.model_validate_json(request.get_data(cache=False))
    except ValidationError as error:
        return problem(400, f"Not a heartbeat: {error.error_count()} fields are not as expected.")
    if not _shows_token(beat.relay):
        return problem(401, _NOT_PROVEN)
    archive, now_ms = remote.archive, int(remote.clock() * 1000)
    waiting = pulls.take_beat(archive, beat, now_ms)
    return jsonify(
        {
            "utc_ms": now_ms,
            "keys_version": archive.keys_version,
            "orders_version": orders.orders_version(archive),
            "pulls": [body.hex() for body in waiting],
            "group": None,
            "proxy": None,
        }
    )


@relay_api.post("/enrol")
def enrol() -> Response:
    """Enrols the relay that shows a one-time code. Every code that is not good has the same answer."""
    remote = the_remote()
    try:
        asked = enrol_codes.Question.model_validate_json(request.get_data(cache=False))
    except ValidationError:
        return problem(400, "A code, a nonce of 32 hex digits and a name were expected.")
    enrolled = enrol_codes.use_code(remote.archive, asked.code, asked.nonce, int(remote.clock()))
    if enrolled is None:
        return problem(403, "This code is not known, was used, or has expired; ask for a new one.")
    return jsonify({"relay_id": enrolled.relay_id, "name": enrolled.name, "secret": enrolled.secret.hex()})


@relay_api.get("/keys")
def keys() -> Response:
    """The link keys of every sensor for the relay that asks with its token; 304 if it has this version."""
    remote = the_remote()
    relay_id = _proven()
    if relay_id is None:
        return problem(401, _NOT_PROVEN)
    version = remote.archive.keys_version
    if request.args.get("have", type=int) == version:
        return Response(status=304)
    # Read after the version: keys that are newer than it are fetched again, never missed.
    return jsonify({"version": version, "sensors": link_keys(remote.archive, relay_id)})


@relay_api.get("/orders")
def waiting_orders() -> Response:
    """Which sensors have an order waiting, for a relay with its token; 304 if it has this version."""
    if _proven() is None:
        return problem(401, _NOT_PROVEN)
    archive = the_remote().archive
    version = orders.orders_version(archive)
    if request.args.get("have", type=int) == version:
        return Response(status=304)
    return jsonify({"version": version, "orders": orders.waiting(archive)})


@relay_api.get("/orders/<int:sensor_id>")
def order(sensor_id: int) -> Response:
    """The sealed order that a sensor is to take next, for a relay with its token."""
    if _proven() is None:
        return problem(401, _NOT_PROVEN)
    sealed = orders.sealed_order(the_remote().archive, sensor_id) if sensor_id < 1 << 32 else None
    if sealed is None:
        return problem(404, "Nothing waits for this sensor.")
    return Response(sealed, 200, content_type="application/octet-stream")


def _proven() -> int | None:
    """The id of the relay that asks, if it shows its token."""
    relay_id = request.args.get("relay", type=int, default=-1)
    return relay_id if _shows_token(relay_id) else None


def _shows_token(relay_id: int) -> bool:
    secret = relay_secret(the_remote().archive, relay_id) if 0 < relay_id < 1 << 32 else None
    if secret is None:
        return False
    expected = "Bearer " + relay_token(secret, relay_id).hex()
    return same(expected.encode(), request.headers.get("Authorization", "").encode())


def _inflated(body: bytes, most: int) -> bytes:
    """At most one byte more than `most`. Raises zlib.error."""
    inflate = zlib.decompressobj()
    whole = inflate.decompress(body, most + 1)
    if len(whole) <= most and not inflate.eof:
        raise zlib.error("cut short")
    return whole
