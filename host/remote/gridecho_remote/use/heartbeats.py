"""What a relay's heartbeat says, and the one transaction that takes it down."""

import json
from dataclasses import dataclass
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from ..rules.actor import Actor
from ..store import holdings, pulls, terms
from . import loads
from .site import Site

_MOST_REPORT = 4_000

_Count = Annotated[int, Field(ge=0, lt=1 << 63)]
_Frames = Annotated[int, Field(ge=0, lt=1 << 31)]
_Url = Annotated[str, Field(max_length=255, pattern=r"^(https?://[^\s/?#@]+(/[^\s?#]*)?)?$")]


class Pulled(BaseModel):
    """A request that a relay is done with."""

    id: Annotated[str, Field(pattern="^[0-9]{1,19}$")]
    frames: _Frames = 0


class Beat(BaseModel):
    """A relay's heartbeat; what else it says is kept as it is."""

    model_config = ConfigDict(extra="allow")

    relay: _Count
    every_s: Annotated[float, Field(gt=0, le=3_600)] = 2.0
    pull_url: _Url = ""
    group_url: _Url = ""
    pulled: Annotated[list[Pulled], Field(max_length=1_000)] = []
    word: terms.Word | None = None


@dataclass(frozen=True, slots=True)
class News:
    """What the answer to a heartbeat tells: the requests that wait for the relay, its group's name and its proxy's, its turn."""

    utc_ms: int
    keys_version: int
    orders_version: int
    pulls: list[bytes]
    group: str | None
    proxy: str | None
    turn: bytes


def take(site: Site, actor: Actor, beat: Beat) -> News:
    """Takes down the heartbeat of a relay, and tells it what is new. Raises NotAllowedError for another one's."""
    actor.require_relay(beat.relay)
    archive, now_ms = site.archive, site.now_ms()
    report = json.dumps(beat.model_dump(exclude={"relay", "pulled", "word"}))
    with archive.writing():
        holdings.put_heartbeat(
            archive, beat.relay, now_ms, beat.pull_url, report if len(report) <= _MOST_REPORT else "{}"
        )
        waiting = pulls.take_done(archive, beat.relay, {int(one.id): one.frames for one in beat.pulled}, now_ms)
        terms.take_word(archive, beat.relay, beat.every_s, beat.group_url, beat.word, now_ms)
    group, proxy = terms.names_of(archive, beat.relay)
    turn = loads.turn_for(site, beat.relay)
    return News(now_ms, archive.keys_version, archive.orders_version, waiting, group, proxy, turn)
