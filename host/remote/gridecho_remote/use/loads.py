"""Taking in what relays bring: a batch or a piece of an index, straight from its relay or in the carry of a proxy."""

import logging
import time
import zlib
from dataclasses import dataclass

from gridecho.batch import batch_sender
from gridecho.errors import AuthError, ProtocolError
from gridecho.groups import DEFLATED_BATCH, PIECE, Carried, Carry
from gridecho.holdings import piece_sender, read_piece

from ..rules.actor import Actor
from ..rules.errors import RemoteError, StorageFullError
from ..store import holdings, terms
from . import elections
from .site import Site

log = logging.getLogger("gridecho.remote.loads")

_RETRY_S = 30
_GIVE_WAY_S = 0.02  # to others that write, who look again after so long where there is one writer at a time


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a load: with 200 the `answer` for its relay, else why not, and when to come back."""

    status: int
    answer: bytes = b""
    relay_id: int = 0
    error: RemoteError | None = None
    wait_s: int = 0


def take(site: Site, load: tuple[int, bytes]) -> Taken:
    """Takes in a load; the answer ends with the turn of the relay it is from."""
    taken = _take(site, load)
    if taken.status != 200:
        return taken
    return Taken(200, taken.answer + turn_for(site, taken.relay_id), taken.relay_id)


def take_carry(site: Site, actor: Actor, carry: Carry) -> Carried:
    """Takes in what the proxy of a group brings; without answers if it is not the proxy in this term.

    Every answer ends with the turn as it is after the carry, which may have ended the term.
    """
    actor.require_relay(carry.relay_id)
    archive = site.archive
    answers: list[tuple[int, int, bytes]] = []
    if terms.holds_turn(archive, carry.relay_id, carry.group_id, carry.term):
        taken = [_take(site, load) for load in carry.loads]
        elections.after_carry(site, carry.group_id, carry.term, site.now_ms())
        turns = {one.relay_id: turn_for(site, one.relay_id) for one in taken if one.status == 200}
        answers = [(one.status, one.wait_s, one.answer + turns.get(one.relay_id, b"")) for one in taken]
    return Carried(*terms.present(archive, carry.group_id), answers)


def turn_for(site: Site, relay_id: int) -> bytes:
    """The turn of an enrolled relay now, as it travels."""
    return terms.turn_of(site.archive, relay_id, lambda one: site.ingest.macs(one)[1], site.now_ms())


def _take(site: Site, load: tuple[int, bytes]) -> Taken:
    kind, body = load
    try:
        if kind == PIECE:
            relay_id = piece_sender(body)
            batch_mac, receipt_mac = site.ingest.macs(relay_id)
            piece = read_piece(body, batch_mac)
            wait_s = site.of_index.wait_s(relay_id, time.monotonic())
            if wait_s:
                return Taken(429, error=RemoteError("index-often"), wait_s=wait_s)
            site.ingest.require_room()
            began_s = time.monotonic()
            known = holdings.take_piece(
                site.archive, piece, site.settings.max_index_runs, site.now_ms(), lambda: time.sleep(_GIVE_WAY_S)
            )
            site.of_index.spend(relay_id, time.monotonic() - began_s, began_s)
            return Taken(200, known.pack(receipt_mac), relay_id)
        most = site.settings.max_batch_bytes
        if kind == DEFLATED_BATCH:
            body = _inflated(body, most)
        if len(body) > most:
            return Taken(413, error=RemoteError("batch-long"))
        return Taken(200, site.ingest.take(body, site.now_ms()), batch_sender(body))
    except zlib.error:
        return Taken(400, error=RemoteError("batch-deflate"))
    except AuthError:
        return Taken(401, error=RemoteError("relay-unproven"))
    except ProtocolError as error:
        code = "piece-wrong" if kind == PIECE else "batch-wrong"
        return Taken(400, error=RemoteError(code, where=error.where, what=error.what))
    except StorageFullError as error:
        if site.seldom.now("storage-full"):
            reason = str(error.__cause__ or "less free than min_free_mb")
            log.error("storage-full reason=%r; relays get the answer 507 and keep their readings", reason)
        return Taken(507, error=RemoteError("storage-full"), wait_s=_RETRY_S)


def _inflated(body: bytes, most: int) -> bytes:
    """At most one byte more than `most`. Raises zlib.error."""
    inflate = zlib.decompressobj()
    whole = inflate.decompress(body, most + 1)
    if len(whole) <= most and not inflate.eof:
        raise zlib.error("cut short")
    return whole
