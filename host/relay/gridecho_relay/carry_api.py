"""Where the members of a group hand their data to this relay while it is their proxy: /carry."""

import logging
from collections.abc import Callable, Iterator

from flask import Blueprint, Response, request
from gridecho.errors import FrameError
from gridecho.groups import ANSWERED, MAX_HANDED_BYTES, Handed, pack_answer, read_handed
from gridecho_common.logs import Seldom

from .carrier import Carrier, CarrierBusyError, Waiting
from .problems import problem

log = logging.getLogger(__name__)

_AT_ONCE_S = 1.0  # an answer that comes sooner needs no signs of life
_SIGN_EVERY_S = 0.5
_MOST_S = 120.0
MOST_WAITING = 500  # loads; of one address no more than others still may have


def carry_api(carrier: Carrier, appointed: Callable[[Handed], bool], busy_with: Callable[[int], None]) -> Blueprint:
    """The endpoint (docs/protocol.md, "POST /carry, at the proxy"). `busy_with` hears how many members wait here."""
    api = Blueprint("carry", __name__)
    seldom = Seldom()
    waiting_here: set[Waiting] = set()

    @api.post("/carry")
    def carry() -> Response:
        request.max_content_length = MAX_HANDED_BYTES
        try:
            handed = read_handed(request.get_data(cache=False))
        except FrameError as error:
            return problem(400, f"Not what was expected here: {error}.")
        if not appointed(handed):
            if seldom.now("refused"):
                log.warning("carry-refused group=%d term=%d from=%s", handed.group_id, handed.term, request.remote_addr)
            return problem(401, "The remote did not make this relay the proxy of that group in that term.")
        source = request.remote_addr or "?"
        its = sum(one.source == source for one in list(waiting_here))
        try:
            if its >= MOST_WAITING - len(waiting_here):  # each takes a thread
                raise CarrierBusyError
            waiting = carrier.submit(handed, source)
        except CarrierBusyError:
            return problem(503, "Too much is waiting here; hand it over later.")
        waiting_here.add(waiting)
        busy_with(len(waiting_here))
        if waiting.done.wait(_AT_ONCE_S):
            waiting_here.discard(waiting)
            return Response(_answer(waiting), content_type="application/octet-stream")
        response = Response(_signs(carrier, waiting), content_type="application/octet-stream")
        response.call_on_close(lambda: waiting_here.discard(waiting))
        return response

    return api


def _signs(carrier: Carrier, waiting: Waiting) -> Iterator[bytes]:
    for _ in range(int(_MOST_S / _SIGN_EVERY_S)):
        yield bytes([min(254, int(10 * carrier.silent_s))])
        if waiting.done.wait(_SIGN_EVERY_S):
            break
    yield _answer(waiting)


def _answer(waiting: Waiting) -> bytes:
    return bytes([ANSWERED]) + pack_answer(waiting.answer)
