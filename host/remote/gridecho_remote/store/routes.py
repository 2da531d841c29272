"""Which relays sensors found, as they said it themselves, and which firmware they run: for who runs the fleet. No readings."""

from collections.abc import Sequence
from dataclasses import dataclass

from gridecho.orders import FIRMWARE
from gridecho.quantities import FIRMWARE_VERSION
from peewee import SQL

from .database import Archive
from .models import Bringer, Holding, Sensor

_HISTORY = 200  # reports of a sensor, of which the newest to each relay is shown
_NEWEST = (
    "(SELECT relay_id FROM route WHERE route.sensor_id = sensor.id ORDER BY epoch DESC, seq DESC, item DESC LIMIT 1)"
)

FLASHED, UNTOLD, UNKNOWN = 0, -1, -2  # in place of the number of a set


@dataclass(frozen=True, slots=True)
class Known:
    """A sensor, without anything that it measured."""

    id: int
    name: str
    region: str


@dataclass(frozen=True, slots=True)
class Way:
    """The round trip to a relay, and when the sensor said so last. `relay`: its name; None: there is none of that number."""

    relay_id: int
    relay: str | None
    rtt_us: int
    time_s: int


@dataclass(frozen=True, slots=True)
class Firmware:
    """So many sensors run a set: the number of its content, or FLASHED (as the cable left them), UNKNOWN (another remote's),
    UNTOLD (they never said). `pushed_s`, `bytes`: of a set.
    """

    number: int
    sensors: int
    pushed_s: int | None = None
    bytes: int | None = None


def sensors(
    archive: Archive, named: str = "", relay_id: int | None = None, after: int = -1, limit: int = 50
) -> list[Known]:
    """Sensors by id, those after `after`; with `named`, those that have it in their name or region, in any case, or as their
    number; with `relay_id`, those that chose that relay, of which it brought or holds something.
    """
    one = Sensor.alias("sensor")
    query = one.select(one.id, one.name, one.region).where(one.id > after).order_by(one.id).limit(limit)
    if named:
        query = query.where(one.name.contains(named) | one.region.contains(named) | (one.id == _number(named)))
    if relay_id is not None:
        # Only of sensors with which it has to do is looked at what they said last.
        brought, holds = (of.select(of.sensor_id).where(of.relay_id == relay_id) for of in (Bringer, Holding))
        query = query.where(one.id.in_(brought) | one.id.in_(holds), SQL(_NEWEST) == relay_id)
    return [Known(*row) for row in query.tuples().execute(archive.db)]


def known(archive: Archive, sensor_ids: Sequence[int]) -> dict[int, Known]:
    """Those of some sensors that are enrolled."""
    if not sensor_ids:
        return {}
    query = f"SELECT id, name, region FROM sensor WHERE id IN ({_marks(sensor_ids)})"  # noqa: S608  # nosec B608  # values are bound
    return {row[0]: Known(*row) for row in archive.connection().execute(query, sensor_ids)}


def ways(archive: Archive, sensor_id: int) -> list[Way]:
    """The relays that a sensor told of lately, each as it said last; the first is the one that it chose."""
    connection = archive.connection()
    rows = connection.execute(
        "SELECT route.relay_id, relay.name, rtt_us, time_s FROM route LEFT JOIN relay ON relay.id = route.relay_id "
        "WHERE sensor_id = ? ORDER BY epoch DESC, seq DESC, item DESC LIMIT ?",
        (sensor_id, _HISTORY),
    ).fetchall()
    found: dict[int, Way] = {}
    for row in rows:
        found.setdefault(row[0], Way(*row))
    return list(found.values())


def firmwares(archive: Archive) -> list[Firmware]:
    """How many sensors run what, the most first."""
    with archive.reading() as connection:
        rows = connection.execute(
            "SELECT CASE WHEN state.value = 0 THEN ? ELSE coalesce(orders.content, ?) END AS number, count(*), "
            "min(orders.created_s), min(orders.size) FROM state LEFT JOIN orders ON orders.sensor_id = state.sensor_id "
            "AND orders.version = state.value AND orders.kind = ? WHERE state.code = ? GROUP BY number",
            (FLASHED, UNKNOWN, FIRMWARE, FIRMWARE_VERSION),
        ).fetchall()
        (every,) = connection.execute("SELECT count(*) FROM sensor").fetchone()
    found = [Firmware(*row) for row in rows]
    if untold := every - sum(one.sensors for one in found):
        found.append(Firmware(UNTOLD, untold))
    return sorted(found, key=lambda one: (-one.sensors, one.number))


def that_run(archive: Archive, number: int, after: int = -1, limit: int = 50) -> list[Known]:
    """The sensors that run a set, or what stands in place of one, by id, those after `after`."""
    connection = archive.connection()
    if number == UNTOLD:
        query = (
            "SELECT id, name, region FROM sensor WHERE id > ? AND NOT EXISTS "
            "(SELECT 1 FROM state WHERE state.sensor_id = sensor.id AND code = ?) ORDER BY id LIMIT ?"
        )
        return [Known(*row) for row in connection.execute(query, (after, FIRMWARE_VERSION, limit))]
    wanted = {FLASHED: "state.value = 0", UNKNOWN: "state.value != 0 AND orders.content IS NULL"}
    which, values = wanted.get(number, "orders.content = ?"), () if number in wanted else (number,)
    rows = connection.execute(
        "SELECT sensor.id, name, region FROM sensor JOIN state ON state.sensor_id = sensor.id AND state.code = ? "  # noqa: S608  # nosec B608  # words of ours, values are bound
        "LEFT JOIN orders ON orders.sensor_id = sensor.id AND orders.version = state.value AND orders.kind = ? "
        f"WHERE sensor.id > ? AND {which} ORDER BY sensor.id LIMIT ?",
        (FIRMWARE_VERSION, FIRMWARE, after, *values, limit),
    )
    return [Known(*row) for row in rows]


def told(archive: Archive, sensor_ids: Sequence[int], codes: Sequence[int]) -> dict[tuple[int, int], tuple[int, int]]:
    """By sensor and code, what a sensor said of itself last, and when."""
    if not sensor_ids:
        return {}
    which = f"sensor_id IN ({_marks(sensor_ids)}) AND code IN ({_marks(codes)})"
    query = f"SELECT sensor_id, code, value, time_s FROM state WHERE {which}"  # noqa: S608  # nosec B608  # values are bound
    rows = archive.connection().execute(query, (*sensor_ids, *codes))
    return {(sensor_id, code): (value, time_s) for sensor_id, code, value, time_s in rows}


def _number(word: str) -> int:
    return int(word) if word.isascii() and word.isdecimal() and len(word) <= 10 else -1


def _marks(values: Sequence[int]) -> str:
    return ", ".join("?" for _ in values)
