"""What a relay's heartbeat says, and the one transaction that takes it down."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from gridecho.groups import MAX_URL_BYTES
from gridecho.holdings import MAX_PULL_ID
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from ..rules.actor import Actor
from ..store import holdings, interest, pulls, terms
from ..store.holdings import EVERY_S, SPOKE_FROM
from . import elections, loads
from .calls import fingerprint
from .site import Site

_MOST_REPORT = 4_000

_Count = Annotated[int, Field(ge=0, lt=1 << 63)]
_Frames = Annotated[int, Field(ge=0, lt=1 << 31)]
# Printable ASCII: a host without user and password, and a path.
_Url = Annotated[str, Field(max_length=MAX_URL_BYTES, pattern=r"""^(https?://[!-"$-.0->A-~]+(/[!-"$->@-~]*)?)?$""")]


def _number_or_none(told: object) -> object:
    whole = isinstance(told, int) and not isinstance(told, bool)
    return told if whole and 0 <= told < 1 << 63 else None  # type: ignore[operator]


def _clock_or_none(told: object) -> object:
    whole = isinstance(told, int) and not isinstance(told, bool)
    return told if whole and abs(told) < 1 << 53 else None  # type: ignore[arg-type]


_Told = Annotated[int | None, BeforeValidator(_number_or_none)]


class Pulled(BaseModel):
    """A request that a relay is done with."""

    id: Annotated[str, Field(pattern="^[0-9]{1,19}$")]
    frames: _Frames = 0


class Counts(BaseModel):
    """How full a relay says it is, and how far its clock is ahead of ours; what is no such number it has not said."""

    store_bytes: _Told = None
    store_free_bytes: _Told = None
    buffer_bytes: _Told = None
    buffer_bytes_used: _Told = None
    held_frames: _Told = None
    outbox_frames: _Told = None
    readings_held: _Told = None
    clock_ahead_ms: Annotated[int | None, BeforeValidator(_clock_or_none)] = None


class Beat(Counts):
    """A relay's heartbeat; what else it says is kept as it is."""

    model_config = ConfigDict(extra="allow")

    relay: _Count
    every_s: Annotated[float, Field(gt=0, le=3_600)] = EVERY_S
    pull_url: _Url = ""
    group_url: _Url = ""
    pulled: Annotated[list[Pulled], Field(max_length=1_000)] = []
    word: terms.Word | None = None


@dataclass(frozen=True, slots=True)
class News:
    """What the answer to a heartbeat tells: the requests that wait for the relay, its group's name and its proxy's, its turn.

    `live`: the sensors at which somebody looks. `news`: what stands for these and the requests (calls.py).
    """

    utc_ms: int
    keys_version: int
    orders_version: int
    pulls: list[bytes]
    group: str | None
    proxy: str | None
    turn: bytes
    live: list[int]
    news: str


def counts_in(told: Mapping[str, object]) -> Counts:
    """What a report that was kept says of how full its relay is."""
    return Counts.model_validate(told)


def take(site: Site, actor: Actor, beat: Beat, spoke_from: str = "") -> News:
    """Takes down the heartbeat of a relay, which came from this address, and tells it what is new.

    Raises NotAllowedError for another one's.
    """
    actor.require_relay(beat.relay)
    archive, now_ms = site.archive, site.now_ms()
    here = {SPOKE_FROM: spoke_from} if spoke_from else {}
    said = beat.model_dump(exclude={"relay", "pulled", "word", SPOKE_FROM}, exclude_none=True)
    report = json.dumps(said | here)
    with archive.writing() as connection:
        connection.lock("relay", [beat.relay])
        holdings.put_heartbeat(
            archive, beat.relay, now_ms, beat.pull_url, report if len(report) <= _MOST_REPORT else json.dumps(here)
        )
        # What was held and is on its way now is in the index until it is here. Who does not say that it holds any holds none.
        held = (beat.held_frames or 0) + (beat.outbox_frames or 0)
        holdings.weigh(connection, beat.relay, held, now_ms)
        done = {int(one.id): one.frames for one in beat.pulled if int(one.id) <= MAX_PULL_ID}
        waiting = pulls.take_done(archive, beat.relay, done, now_ms)
        live = interest.wanted(connection, now_ms)
        news = fingerprint(live, pulls.waiting_of(connection, beat.relay))
        heard = terms.take_word(archive, beat.relay, beat.every_s, beat.group_url, beat.word, now_ms)
    if heard is not None:
        elections.after_word(site, heard, now_ms)
    group, proxy = terms.names_of(archive, beat.relay)
    turn = loads.turn_for(site, beat.relay)
    return News(now_ms, archive.keys_version, archive.orders_version, waiting, group, proxy, turn, live, news)
