"""My sensors: those that somebody may see, looked for, sorted and in pages, however many there are."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..rules.actor import Actor
from ..rules.standing import WORDS
from ..store.columns import Ints
from . import looks, shared
from .sensors import moments
from .shared import Overview
from .site import Site
from .standings import Mine, mine

UNDATED = "undated"
STATES = (*WORDS, UNDATED)
SORTS = ("name", "region", "power", "seen")
PAGE = 50
MOST_WORD = 100  # letters of what is looked for


@dataclass(frozen=True, slots=True)
class Asked:
    """Which sensors: those that have `named` in their name, region or number; of one of STATES, or "": of any; by one of SORTS,
    `down`: the last first.
    """

    named: str = ""
    state: str = ""
    sort: str = "name"
    down: bool = False
    page: int = 1


@dataclass(frozen=True, slots=True)
class Found:
    """A page of them, how many there are in all, and how many pages."""

    rows: list[Overview]
    count: int
    page: int
    pages: int


def find(site: Site, actor: Actor, asked: Asked) -> Found:
    """A page of the sensors of who asks; of a page that is not there, the last. Raises NotAllowedError."""
    found = mine(site, actor)
    at = _wanted(found, asked)
    pages = max(1, -(-len(at) // PAGE))
    page = min(max(1, asked.page), pages)
    shown = _sorted(found, at, asked)[(page - 1) * PAGE : page * PAGE]
    now_s = site.clock()
    with site.archive.reading():
        open_ = shared.some(site, actor, found.ids[shown].tolist())
        rows = [shared.overview(site.archive, one, now_s) for one in open_]
    words: dict[str, Any] = {"named": asked.named, "state": asked.state, "page": page if page > 1 else 0}
    seen = {one.sensor.id: moments(one, now_s) for one in rows}
    looks.look(site, actor, "sensors.mine", "sensors", seen=seen, **{name: one for name, one in words.items() if one})
    return Found(rows, len(at), page, pages)


def _wanted(found: Mine, asked: Asked) -> Ints:
    keep = np.ones(len(found), np.bool_)
    if asked.state == UNDATED:
        keep &= found.undated
    elif asked.state:
        keep &= found.stands == WORDS[asked.state]
    at = np.flatnonzero(keep)
    word = asked.named.casefold()
    if not word:
        return at
    words = found.all.words
    return at[np.array([word in words[n] for n in found.which[at].tolist()], np.bool_)]


def _sorted(found: Mine, at: Ints, asked: Asked) -> Ints:
    """In the order that is asked for; what has no such value comes last, whichever way, and alike ones by name."""
    names = found.all.by_name[found.which[at]]
    if asked.sort in ("power", "seen"):
        values = (
            found.power_w[at] if asked.sort == "power" else np.where(found.last_s[at] > 0, found.last_s[at], np.nan)
        )
        return at[np.lexsort((names, -values if asked.down else values))]  # NaN is sorted last
    keys = found.all.by_region[found.which[at]] if asked.sort == "region" else names
    return at[np.argsort(-keys if asked.down else keys, kind="stable")]
