"""The demo's city: households in districts with weeks of readings behind them, and people who see some of it, or ask to.

All of it is put into the remote's database before the remote starts, by what any operator has: signed batches and use cases.
"""

import math
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from gridecho import keys, relay_keys
from gridecho.batch import pack_batch
from gridecho.crypto import Cmac, Siv
from gridecho.frames import STORE, DataHeader, seal
from gridecho.quantities import CURRENT_L1, ENERGY_IMPORT, POWER_IMPORT, VOLTAGE_L1
from gridecho.readings import Reading, encode
from gridecho_remote.rules.actor import OPERATOR, person
from gridecho_remote.rules.roles import Role, RoleKind
from gridecho_remote.rules.scopes import Resolution, Scope
from gridecho_remote.store import users
from gridecho_remote.use import granting, groups, organisations, people, places, requests
from gridecho_remote.use.requests import Claim
from gridecho_remote.use.site import Site

from .series import Row, Series

DISTRICTS = ("riverside", "oldtown", "harbour", "hillside", "gardens")
PERIOD_S = 60  # between two readings of a household that is no board of the demo
OFFICE = "Statistics Office"
ANALYST, HOUSEHOLD = "analyst", "household"
EPOCH = 1  # of the weeks before; what a sensor sends now has a later one
_STEP_S, _DAYS = 900, 70
_PER_FRAME, _PER_BATCH = 10, 1_000
_KEY_ID = 1
_WEEK_S, _MONDAY_S = 7 * 86_400, 4 * 86_400  # 1970-01-05 was a Monday
_GROUP, _TERM_S, _BAR_S = "town", 300, 30


def region_of(sensor_id: int, households: int) -> str:
    """The district of a household. The first ones lie together, where the demo's boards are."""
    return f"demo/{DISTRICTS[(sensor_id - 1) * len(DISTRICTS) // households]}"


def row_at(time_s: int, series: Series) -> int:
    """The row of a drawn week that a time falls on."""
    return (time_s - _MONDAY_S) % _WEEK_S // series.step_s % len(series.rows)


@dataclass(frozen=True)
class Past:
    """What a household has sent until now, and where its register stands."""

    frames: list[bytes]
    energy_wh: int


def past_of(sensor_id: int, root: bytes, series: Series, now_s: int) -> Past:
    """Ten weeks of quarters of an hour: more in winter than in summer, and no two days alike."""
    chance = random.Random(sensor_id)
    siv = Siv(keys.siv_key(root, sensor_id, _KEY_ID))
    energy_wh = float(chance.randrange(2_000_000, 20_000_000))
    readings: list[Reading] = []
    share, day = 1.0, 0
    for time_s in range((now_s // 86_400 - _DAYS) * 86_400, now_s - _STEP_S, _STEP_S):
        if time_s // 86_400 != day:
            day = time_s // 86_400
            share = chance.uniform(0.75, 1.25) * (1 + 0.25 * math.cos((day % 365 - 15) / 365 * math.tau))
        at = row_at(time_s, series)
        some = series.power_mw[at : at + _STEP_S // series.step_s]
        power_w = share * sum(some) / len(some) / 1000
        energy_wh += power_w * _STEP_S / 3600
        voltage_mv = series.rows[at][VOLTAGE_L1]
        row: Row = dict(series.rows[at])
        row |= {POWER_IMPORT: round(power_w), CURRENT_L1: round(power_w * 1_000_000 / voltage_mv)}
        readings.append(Reading(time_s, {**row, ENERGY_IMPORT: int(energy_wh)}))
    frames = []
    for seq in range(math.ceil(len(readings) / _PER_FRAME)):
        part = readings[seq * _PER_FRAME : (seq + 1) * _PER_FRAME]
        header = DataHeader(STORE, _KEY_ID, len(part), sensor_id, EPOCH, seq, part[0].time_s)
        frames.append(seal(header, encode(part), siv))
    return Past(frames, int(energy_wh))


def settle(site: Site, relays: Mapping[int, bytes], frames: list[bytes]) -> None:
    """Takes frames into the remote as batches that its relays bring in turn; `relays`: their secrets by id."""
    order = list(relays.items())
    for number, at in enumerate(range(0, len(frames), _PER_BATCH)):
        relay_id, secret = order[number % len(order)]
        mac = Cmac(relay_keys.batch_key(secret, relay_id))
        site.ingest.take(pack_batch(relay_id, frames[at : at + _PER_BATCH], mac)[1], site.now_ms())


def inhabit(site: Site, sensor_ids: list[int], now_s: int) -> Iterator[tuple[str, str]]:
    """(name, one-time password) of the people of the city: who lives in a household, and who asks for statistics.

    The analyst sees one district's months already, and asks for the hours of another one.
    """
    own = sensor_ids[-1]
    yield HOUSEHOLD, people.add(site, OPERATOR, HOUSEHOLD)
    places.begin_contract(site, OPERATOR, own, HOUSEHOLD, now_s - (_DAYS + 1) * 86_400)
    granting.grant(site, OPERATOR, HOUSEHOLD, Scope(sensors=frozenset([own])))
    organisations.add(site, OPERATOR, OFFICE)
    yield ANALYST, people.add(site, OPERATOR, ANALYST)
    people.set_organisation(site, OPERATOR, ANALYST, OFFICE)
    year = int(site.clock()) + 365 * 86_400
    months = Scope(region=f"demo/{DISTRICTS[1]}", resolution=Resolution.MONTH, expires_s=year)
    granting.grant(site, OPERATOR, ANALYST, months)
    asks = person(users.user_id(site.archive, ANALYST))
    wanted = Scope(region=f"demo/{DISTRICTS[2]}", resolution=Resolution.HOUR, live=False)
    number = requests.draft(
        site,
        asks,
        Claim("Ada Wong", OFFICE, "analyst", "S-1001"),
        "How evenings changed since the tariff did",
        wanted,
        365,
    )
    requests.ask(site, asks, number)


def group_relays(site: Site, relay_ids: list[int]) -> None:
    """One group of all relays, of which one at a time carries the others' readings."""
    groups.add(site, OPERATOR, _GROUP, _TERM_S, None, _BAR_S)
    groups.join(site, OPERATOR, _GROUP, relay_ids)


def runs_it() -> list[Role]:
    """What the demo's visitor is: all that there is, so that every page has something to show."""
    return [Role(kind) for kind in (RoleKind.OPERATOR, RoleKind.ADMINISTRATOR, RoleKind.AUDITOR)]


def goes_on(series: Series, now_s: int, step_s: int, energy_wh: int) -> list[Row]:
    """What a household's meter shows from now on, every `step_s`: the same week, its register from where it stands."""
    at = row_at(now_s, series)
    return replace(series, step_s=step_s).turned(at).above(energy_wh).rows
