"""What the remote holds beside the readings by time (timeline.py): holes, routes, counts. Nothing here knows of users."""

from dataclasses import dataclass
from typing import Any

from peewee import SQL, fn

from .database import Archive
from .models import Block, Quarantine, Sensor


@dataclass(frozen=True, slots=True)
class Gap:
    """Seqs of an epoch that the remote does not have, and the times of the data before and after the hole (None: not known)."""

    epoch: int
    first_seq: int
    last_seq: int
    after_s: int | None
    before_s: int | None


@dataclass(frozen=True, slots=True)
class RouteInfo:
    """A route as its sensor reported it."""

    sensor_id: int
    time_s: int
    relay_id: int
    rtt_us: int


def gaps(archive: Archive, sensor_id: int, limit: int = 1000) -> list[Gap]:
    """The holes in the sensor's seqs, newest epoch first, at most `limit`. Seqs of an epoch begin at 0; of a sensor none is 0."""
    before = fn.LAG(Block.last_seq).over(partition_by=[Block.epoch], order_by=[Block.first_seq])
    before_s = fn.LAG(fn.NULLIF(Block.last_s, 0)).over(partition_by=[Block.epoch], order_by=[Block.first_seq])
    first_s = fn.NULLIF(Block.first_s, 0).alias("first_s")
    steps = Block.select(Block.epoch, Block.first_seq, first_s, before.alias("before"), before_s.alias("before_s"))
    steps = steps.where(Block.sensor_id == sensor_id, Block.epoch > 0).alias("steps")
    expected = fn.COALESCE(steps.c.before + 1, 0)
    query = (
        steps.select_from(steps.c.epoch, expected, steps.c.first_seq - 1, steps.c.before_s, steps.c.first_s)
        .where(steps.c.first_seq > expected)
        .order_by(steps.c.epoch.desc(), steps.c.first_seq)
        .limit(limit)
    )
    return [Gap(*row) for row in query.tuples().execute(archive.db)]


def route(archive: Archive, sensor_id: int) -> RouteInfo | None:
    """The newest route that the sensor reported."""
    history = route_history(archive, sensor_id, 1)
    return history[0] if history else None


def route_history(archive: Archive, sensor_id: int, limit: int = 100) -> list[RouteInfo]:
    """The routes that the sensor reported, newest first."""
    query = (
        "SELECT sensor_id, time_s, relay_id, rtt_us FROM route WHERE sensor_id = ? "
        "ORDER BY epoch DESC, seq DESC, item DESC LIMIT ?"
    )
    return [RouteInfo(*row) for row in archive.connection().execute(query, (sensor_id, limit))]


def known_relay(archive: Archive, sensor_id: int, relay_id: int) -> str | None:
    """The name of a relay that brought data of the sensor or holds some; None: it has nothing to do with it, or is not there."""
    query = (
        "SELECT name FROM relay WHERE id = ? AND (EXISTS (SELECT 1 FROM bringer WHERE sensor_id = ? AND relay_id = relay.id) "
        "OR EXISTS (SELECT 1 FROM holding WHERE sensor_id = ? AND relay_id = relay.id))"
    )
    row = archive.connection().execute(query, (relay_id, sensor_id, sensor_id)).fetchone()
    return row[0] if row else None


def seen_mask(archive: Archive, sensor_id: int) -> int:
    """Every quantity that the sensor ever sent, as a mask of codes."""
    mask: int | None = Sensor.select(Sensor.seen_mask).where(Sensor.id == sensor_id).scalar(archive.db)
    return mask or 0


def any_data(archive: Archive) -> bool:
    """Whether anything was ever sent that is here."""
    return bool(Block.select(Block.sensor_id).limit(1).exists(archive.db))


def count_data(archive: Archive, sensor_id: int | None = None) -> int:
    """Datagrams that the remote holds, of one sensor or of all."""
    return _sum(archive, (Block.last_seq - Block.first_seq + 1) * (Block.epoch > 0).cast("INTEGER"), sensor_id)


def count_readings(archive: Archive, sensor_id: int | None = None) -> int:
    """Readings that the remote holds, of one sensor or of all."""
    return _sum(archive, Block.readings, sensor_id)


def count_quarantined(archive: Archive) -> dict[str, int]:
    """Quarantined frames by reason."""
    query = Quarantine.select(Quarantine.reason, fn.COUNT(SQL("*"))).group_by(Quarantine.reason)
    return dict(query.tuples().execute(archive.db))


def _sum(archive: Archive, what: Any, sensor_id: int | None) -> int:
    query = Block.select(fn.COALESCE(fn.SUM(what), 0))
    total: int = (query if sensor_id is None else query.where(Block.sensor_id == sensor_id)).scalar(archive.db)
    return total
