"""A city in a remote's database, by bulk inserts: some sensors whose readings came as sealed frames, and many others like them."""

import json
import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from gridecho import keys, relay_keys
from gridecho.batch import pack_batch
from gridecho.crypto import Cmac, Siv
from gridecho.frames import SEND, DataHeader, seal
from gridecho.orders import FIRMWARE
from gridecho.quantities import (
    CONFIG_VERSION,
    ENERGY_IMPORT,
    FIRMWARE_VERSION,
    POWER_IMPORT,
    ROUTE_RELAY,
    ROUTE_RTT,
    VOLTAGE_L1,
)
from gridecho.readings import Reading, encode
from gridecho_remote.rules.actor import OPERATOR
from gridecho_remote.rules.days import days_of
from gridecho_remote.rules.names import key_of
from gridecho_remote.rules.roles import role
from gridecho_remote.rules.scopes import METERED
from gridecho_remote.settings import RemoteSettings
from gridecho_remote.store import compaction, grants, roles, rollups, users
from gridecho_remote.store.database import Archive
from gridecho_remote.store.enrol import enrol_relay, enrol_sensor
from gridecho_remote.store.models import FAILED, TAKEN, WAITING
from gridecho_remote.store.quarantine import CLONE
from gridecho_remote.use import groups
from gridecho_remote.use.ingest import Ingest
from gridecho_remote.use.site import site_of

from .remote_data import ZONE
from .remote_layouts import NAME, PASSWORD

Say = Callable[[str], None]

DAYS = 3
_QUARTER_S = 900
_KEY = 1
_OF_A_FRAME = 24
# How long ago the newest reading of a sensor was made; each of these is as common as any other.
_AGES_S = (*range(30, 670, 40), 7_200, 10_800, 200_000, 400)
_AT_ONCE = 20_000
_OF_GROUP = 10
_RUNS = 100  # of the holdings of a relay
_RELAY = "sensor_id, relay_id, epoch, first_seq, last_seq, first_s, step_s"


@dataclass(frozen=True, slots=True)
class City:
    """How large it is."""

    sensors: int = 100_000
    relays: int = 300
    groups: int = 30
    grants: int = 10_000


def fill(archive: Archive, city: City, now_s: int, say: Say) -> None:
    """Fills an empty database; one may look at all of it as NAME with PASSWORD, who runs the fleet and decides on grants."""
    say(f"{city.relays:,} relays in {city.groups} groups")
    _relays(archive, city, now_s)
    say(f"{city.sensors:,} sensors with {DAYS} days of readings")
    _sensors(archive, city, now_s)
    say("orders and alarms")
    _orders(archive, city, now_s)
    say(f"{city.grants:,} grants")
    _people(archive, city, now_s)
    if archive.engine.name.startswith("postgres"):
        archive.connection().execute("ANALYZE")  # as its own daemon does by and by


def _relays(archive: Archive, city: City, now_s: int) -> None:
    secret = secrets.token_bytes(32)
    with archive.writing() as connection:
        enrol_relay(archive, 1, "Relay 1", secret)
        (wrapped,) = connection.execute("SELECT wrapped_secret FROM relay").fetchone()
        numbers = range(2, city.relays + 1)
        rows = [(n, f"Relay {n} in street {n % 40}", wrapped, now_s) for n in numbers]
        connection.insert("relay", "id, name, wrapped_secret, enrolled_s", rows)
        report = {
            "every_s": 10.0,
            "store_bytes": 10**9,
            "store_free_bytes": 4 * 10**8,
            "held_frames": 9,
            "outbox_frames": 3,
        }
        text = json.dumps(report | {"readings_held": 12_000, "version": "0.1.0", "notes": "x" * 600})
        connection.insert(
            "relay_state",
            "relay_id, listing, known_to, heartbeat_ms, pull_url, report, runs, data, sure, doubted",
            [
                (n, 1, 1, 1000 * now_s + 3_600_000 * (n % 50 > 0), "", text, _RUNS, _RUNS * 60, 0, 0)
                for n in range(1, city.relays + 1)
            ],
        )
        _in_parts(
            archive,
            "holding",
            _RELAY,
            (
                (1 + (n * _RUNS + run) % city.sensors, n, 5, run * 100, run * 100 + 59, now_s - 60 * run, 60)
                for n in range(1, city.relays + 1)
                for run in range(_RUNS)
            ),
        )
    site = site_of(RemoteSettings(time_zone=ZONE), archive, lambda: float(now_s))
    for n in range(1, city.groups + 1):
        made = groups.add(site, OPERATOR, f"Group {n}", 3_600, None, 60)
        members = range(1 + (n - 1) * _OF_GROUP, 1 + min(n * _OF_GROUP, city.relays))
        groups.join(site, OPERATOR, str(made.id), members)


def _sensors(archive: Archive, city: City, now_s: int) -> None:
    """The first ones have their readings from frames; the others are copies of them in other places."""
    first = min(len(_AGES_S), city.sensors)
    days = days_of(ZONE)
    root = secrets.token_bytes(32)
    for n in range(1, first + 1):
        enrol_sensor(archive, n, _name(n), _region(n), "residential", root, _KEY)
    ingest = Ingest(archive, days, 0, 1_000)
    (wrapped,) = archive.connection().execute("SELECT wrapped_secret FROM relay WHERE id = 1").fetchone()
    secret = archive.vault.unwrap("relay", 1, bytes(wrapped))
    mac = Cmac(relay_keys.batch_key(secret, 1))
    for n in range(1, first + 1):
        ingest.take(pack_batch(1, list(_frames(n, root, now_s - _AGES_S[n - 1])), mac)[1], 1000 * now_s)
    rollups.use_zone(archive, days)
    rollups.settle(archive, days)
    compaction.settle(archive, days, now_s)
    with archive.writing() as connection:
        fields = "name, region, category, key_id, wrapped_root, enrolled_s, seen_mask, levels, changes"
        alike = connection.execute(f"SELECT id, {fields} FROM sensor ORDER BY id").fetchall()  # noqa: S608 - names of ours
        others = range(first + 1, city.sensors + 1)

        def like(n: int) -> int:
            return (n - 1) % first + 1

        rows = ((n, _name(n), _region(n), *alike[like(n) - 1][3:]) for n in others)
        _in_parts(archive, "sensor", f"id, {fields}", rows)
        for table in ("block", "day_rollup", "route", "state", "bringer"):
            described = archive.db.get_columns(table)
            names = ["sensor_id", *(one.name for one in described if one.name != "sensor_id")]
            query = f"SELECT {', '.join(names)} FROM {table} WHERE sensor_id <= ?"  # noqa: S608 - names of ours
            of: dict[int, list[tuple[Any, ...]]] = {}
            for sensor_id, *rest in connection.execute(query, (first,)).fetchall():
                of.setdefault(sensor_id, []).append(
                    tuple(bytes(one) if isinstance(one, memoryview) else one for one in rest)
                )
            copies = ((n, *rest) for n in others for rest in of.get(like(n), ()))
            _in_parts(archive, table, ", ".join(names), copies)


def _orders(archive: Archive, city: City, now_s: int) -> None:
    """A set of firmware for each sensor, of which some are taken, some failed; and frames of some sensors that seem to be two."""
    with archive.writing() as connection:
        connection.insert("order_content", "id, wrapped", [(1, bytes(100))])
        of = (TAKEN, TAKEN, WAITING, FAILED)
        fields = "sensor_id, version, kind, state, size, content, created_s"
        rows = (
            (n, 1 + (n - 1) % len(_AGES_S) % 4, FIRMWARE, of[n % 4], 180_000, 1, now_s)
            for n in range(1, city.sensors + 1)
        )
        _in_parts(archive, "orders", fields, rows)
        aside = [
            (1 + n % city.relays, 1 + n, CLONE, 0, 3, b"", 1000 * now_s - n) for n in range(min(2_000, city.sensors))
        ]
        connection.insert("set_aside", "relay_id, sensor_id, reason, kept, more, digest, last_ms", aside)


def _frames(sensor_id: int, root: bytes, last_s: int) -> Iterator[bytes]:
    siv = Siv(keys.siv_key(root, sensor_id, _KEY))
    count = DAYS * 96
    readings = [
        Reading(
            last_s - (count - 1 - n) * _QUARTER_S,
            {
                ENERGY_IMPORT: 1_000_000 + 130 * n + sensor_id,
                POWER_IMPORT: 200 + 37 * ((n + sensor_id) % 29),
                VOLTAGE_L1: 230_000 + n % 700,
            },
        )
        for n in range(count)
    ]
    parts = [readings[at : at + _OF_A_FRAME] for at in range(0, count, _OF_A_FRAME)]
    told = {ROUTE_RELAY: 1, ROUTE_RTT: 1_500 + sensor_id, CONFIG_VERSION: 2, FIRMWARE_VERSION: 1 + sensor_id % 4}
    parts.append([Reading(last_s, told)])
    for seq, part in enumerate(parts):
        header = DataHeader(SEND, _KEY, len(part), sensor_id, 1, seq, part[0].time_s)
        yield seal(header, encode(part), siv)
    if _AGES_S[sensor_id - 1] == _AGES_S[-1]:
        undated = [Reading(0, {POWER_IMPORT: 5})]
        yield seal(DataHeader(SEND, _KEY, 1, sensor_id, 2, 0, 0), encode(undated), siv)


def _people(archive: Archive, city: City, now_s: int) -> None:
    users.add_user(archive, NAME)
    number = users.user_id(archive, NAME)
    users.change_password(archive, number, PASSWORD)
    for kind in ("operator", "administrator"):
        roles.give(archive, number, role(kind, ""))
    grants.add_grant(archive, NAME, region="city")
    fields = "name, key, password_hash, must_change, one_time_until_s, added_s"
    with archive.writing() as connection:
        (hashed,) = connection.execute('SELECT password_hash FROM "user" WHERE id = ?', (number,)).fetchone()
        names = [f"reader {n}" for n in range(city.grants // 2)]
        _in_parts(archive, "user", fields, ((name, key_of(name), hashed, False, None, now_s) for name in names))
        readers = [one for (one,) in connection.execute('SELECT id FROM "user" WHERE id != ? ORDER BY id', (number,))]
        rows = (
            (readers[n // 2], json.dumps([1 + n % city.sensors]), METERED, 0, 1, 1, 1, now_s)
            for n in range(2 * len(readers))
        )
        _in_parts(archive, "grant", "user_id, sensors, quantities, resolution, k, export, live, granted_s", rows)


def _in_parts(archive: Archive, table: str, fields: str, rows: Iterable[Sequence[Any]]) -> None:
    rest = iter(rows)
    while part := [tuple(row) for row in islice(rest, _AT_ONCE)]:
        archive.connection().insert(table, fields, part)


def _name(n: int) -> str:
    return f"House {n % 400} in street {n // 400}"


def _region(n: int) -> str:
    return f"city/quarter-{n % 30}/block-{n % 7}"
