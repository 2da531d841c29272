"""What relays ask of the remote over HTTP: take this batch, give me my keys, what waits for whom."""

from flask import Blueprint, Response, jsonify, request
from gridecho.crypto import same
from gridecho.errors import AuthError, ProtocolError
from gridecho.relay_keys import relay_token

from . import orders
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
    try:
        receipt = remote.ingest.take(request.get_data(cache=False), int(remote.clock() * 1000))
    except AuthError:
        return problem(401, _NOT_PROVEN)
    except ProtocolError as error:
        return problem(400, f"Not a batch: {error}.")
    except StorageFullError:
        full = problem(507, "The remote has no room; nothing of this batch was stored, so keep it and try later.")
        full.headers["Retry-After"] = str(_RETRY_S)
        return full
    return Response(receipt, 200, content_type="application/octet-stream")


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
    secret = relay_secret(the_remote().archive, relay_id) if 0 < relay_id < 1 << 32 else None
    expected = "Bearer " + relay_token(secret, relay_id).hex() if secret else ""
    given = request.headers.get("Authorization", "")
    return relay_id if secret and same(expected.encode(), given.encode()) else None
