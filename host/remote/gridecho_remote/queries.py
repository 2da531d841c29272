"""What the remote holds, asked for in one place. Nothing here knows of users: `shared.py` applies their grants first."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from gridecho.readings import decode
from peewee import SQL, Tuple, fn

from .database import Archive
from .models import Datum, Quarantine, Route, Sensor

MAX_PAGE = 10_000  # readings in one answer
MAX_SCAN = 100_000  # datagrams read for one thinned answer
_CHUNK = 2_000


@dataclass(frozen=True, slots=True)
class Item:
    """One reading: `item` is its place in its datagram, `values` maps quantity codes to integers as sent."""

    time_s: int
    epoch: int
    seq: int
    item: int
    values: dict[int, int]


@dataclass(frozen=True, slots=True)
class Span:
    """From `from_s` (included) to `to_s` (not included) in generation time; of it what was stored since `stored_ms`."""

    from_s: int
    to_s: int
    stored_ms: int = 0


@dataclass(frozen=True, slots=True)
class Gap:
    """Seqs of an epoch that the remote does not have, and the times of the data before and after the hole (None: before any)."""

    epoch: int
    first_seq: int
    last_seq: int
    after_s: int | None
    before_s: int


@dataclass(frozen=True, slots=True)
class RouteInfo:
    """A route as its sensor reported it."""

    sensor_id: int
    time_s: int
    relay_id: int
    rtt_us: int


@dataclass(frozen=True, slots=True)
class Thinned:
    """Some of the readings of a span: all if `bucket_s` is 0, else at most two of each bucket of so many seconds.

    Nothing before `cut_s` was read, because the span holds more than MAX_SCAN datagrams (None: all was read).
    """

    items: list[Item]
    bucket_s: int
    cut_s: int | None


NOTHING = Thinned([], 0, None)

Cursor = tuple[int, int, int]  # first_s, epoch, seq of the last datum that was given


def page(
    archive: Archive, sensor_id: int, mask: int, span: Span, limit: int, after: Cursor | None = None
) -> tuple[list[Item], Cursor | None]:
    """Up to `limit` readings with the quantities in `mask`, and where the next page begins (None: there is no more).

    They come by the first time of their datagram; a datagram is never split, so a page may hold up to 254 more.
    """
    items: list[Item] = []
    last: Cursor | None = None
    for first_s, epoch, seq, count, time_s, body in _data(archive, sensor_id, mask, span, after, limit + 1):
        if len(items) >= limit:
            return items, last
        items += _items(span, mask, epoch, seq, count, time_s, body)
        last = first_s, epoch, seq
    return items, None


def stream(archive: Archive, sensor_id: int, mask: int, span: Span) -> Iterator[Item]:
    """All readings of a span, a chunk in memory at a time."""
    after: Cursor | None = None
    while True:
        items, after = page(archive, sensor_id, mask, span, _CHUNK, after)
        yield from items
        if after is None:
            return


def thinned(archive: Archive, sensor_id: int, code: int, span: Span, points: int) -> Thinned:
    """About `points` of the readings of one quantity: the least and the greatest of each stretch, so that no peak is lost."""
    mask = 1 << code
    rows = list(_data(archive, sensor_id, mask, span, None, MAX_SCAN + 1, newest_first=True))
    cut_s = rows[MAX_SCAN - 1][0] if len(rows) > MAX_SCAN else None
    items = [
        item
        for first_s, epoch, seq, count, time_s, body in reversed(rows[:MAX_SCAN])
        for item in _items(span, mask, epoch, seq, count, time_s, body)
    ]
    items.sort(key=lambda item: item.time_s)
    if len(items) <= points:
        return Thinned(items, 0, cut_s)
    begin, end = items[0].time_s, items[-1].time_s
    width = max(1, -(-2 * (end - begin + 1) // points))
    kept: list[Item] = []
    least = greatest = items[0]
    bucket = 0
    for item in items:
        if (at := (item.time_s - begin) // width) != bucket:
            kept += _pair(least, greatest)
            bucket, least, greatest = at, item, item
        elif item.values[code] < least.values[code]:
            least = item
        elif item.values[code] > greatest.values[code]:
            greatest = item
    return Thinned(kept + _pair(least, greatest), width, cut_s)


def latest(archive: Archive, sensor_id: int, mask: int) -> Item | None:
    """The newest reading with one of the quantities in `mask`."""
    query = _columns().where(Datum.sensor_id == sensor_id, _has(mask)).order_by(Datum.first_s.desc()).limit(1)
    for _, epoch, seq, count, time_s, body in query.tuples().execute(archive.db):
        items = _items(Span(0, 1 << 32), mask, epoch, seq, count, time_s, body)
        return max(items, key=lambda item: item.time_s)
    return None


def extent(archive: Archive, sensor_id: int, mask: int) -> tuple[int, int] | None:
    """The times of the first and the last datagram with one of the quantities in `mask`; None if there is none."""
    ends = []
    for order in (Datum.first_s.asc(), Datum.first_s.desc()):
        query = Datum.select(Datum.first_s, Datum.last_s).where(Datum.sensor_id == sensor_id, _has(mask))
        ends += query.order_by(order).limit(1).tuples().execute(archive.db)
    return (ends[0][0], ends[1][1]) if ends else None


def gaps(archive: Archive, sensor_id: int, limit: int = 1000) -> list[Gap]:
    """The holes in the sensor's seqs, newest epoch first, at most `limit`. Seqs of an epoch begin at 0."""
    before = fn.LAG(Datum.seq).over(partition_by=[Datum.epoch], order_by=[Datum.seq])
    before_s = fn.LAG(Datum.last_s).over(partition_by=[Datum.epoch], order_by=[Datum.seq])
    steps = Datum.select(Datum.epoch, Datum.seq, Datum.first_s, before.alias("before"), before_s.alias("before_s"))
    steps = steps.where(Datum.sensor_id == sensor_id).alias("steps")
    expected = fn.COALESCE(steps.c.before + 1, 0)
    query = (
        steps.select_from(steps.c.epoch, expected, steps.c.seq - 1, steps.c.before_s, steps.c.first_s)
        .where(steps.c.seq > expected)
        .order_by(steps.c.epoch.desc(), steps.c.seq)
        .limit(limit)
    )
    return [Gap(*row) for row in query.tuples().execute(archive.db)]


def route(archive: Archive, sensor_id: int) -> RouteInfo | None:
    """The newest route that the sensor reported."""
    history = route_history(archive, sensor_id, 1)
    return history[0] if history else None


def route_history(archive: Archive, sensor_id: int, limit: int = 100) -> list[RouteInfo]:
    """The routes that the sensor reported, newest first."""
    query = Route.select(Route.sensor_id, Route.time_s, Route.relay_id, Route.rtt_us)
    query = query.where(Route.sensor_id == sensor_id).order_by(Route.epoch.desc(), Route.seq.desc(), Route.item.desc())
    return [RouteInfo(*row) for row in query.limit(limit).tuples().execute(archive.db)]


def seen_mask(archive: Archive, sensor_id: int) -> int:
    """Every quantity that the sensor ever sent, as a mask of codes."""
    mask: int | None = Sensor.select(Sensor.seen_mask).where(Sensor.id == sensor_id).scalar(archive.db)
    return mask or 0


def count_data(archive: Archive, sensor_id: int | None = None, mask: int = -1) -> int:
    """Datagrams that the remote holds, of one sensor or of all, with one of the quantities in `mask`."""
    return Datum.select().where(*_of(sensor_id), _has(mask)).count(archive.db)


def count_readings(archive: Archive, sensor_id: int | None = None, mask: int = -1) -> int:
    """Readings that the remote holds, of one sensor or of all, with one of the quantities in `mask`."""
    query = Datum.select(fn.COALESCE(fn.SUM(Datum.count), 0)).where(*_of(sensor_id), _has(mask))
    count: int = query.scalar(archive.db)
    return count


def count_quarantined(archive: Archive) -> dict[str, int]:
    """Quarantined frames by reason."""
    query = Quarantine.select(Quarantine.reason, fn.COUNT(SQL("*"))).group_by(Quarantine.reason)
    return dict(query.tuples().execute(archive.db))


def _of(sensor_id: int | None) -> list[Any]:
    return [] if sensor_id is None else [Datum.sensor_id == sensor_id]


def _has(mask: int) -> Any:
    return Datum.mask.bin_and(mask) != 0


def _columns() -> Any:
    return Datum.select(Datum.first_s, Datum.epoch, Datum.seq, Datum.count, Datum.time_s, Datum.body)


def _data(
    archive: Archive,
    sensor_id: int,
    mask: int,
    span: Span,
    after: Cursor | None,
    limit: int,
    newest_first: bool = False,
) -> Iterator[tuple[int, int, int, int, int, bytes]]:
    """Data that may have readings in the span: the longest datum of the sensor says how far before it they may begin."""
    longest_s: int = Sensor.select(Sensor.max_span_s).where(Sensor.id == sensor_id).scalar(archive.db) or 0
    query = _columns().where(
        Datum.sensor_id == sensor_id,
        Datum.first_s >= span.from_s - longest_s,
        Datum.first_s < span.to_s,
        Datum.last_s >= span.from_s,
        _has(mask),
    )
    if span.stored_ms:
        query = query.where(Datum.stored_ms >= span.stored_ms)
    keys = Datum.first_s, Datum.epoch, Datum.seq
    if after:
        query = query.where(Tuple(*keys) > Tuple(*after), Datum.first_s >= after[0])
    query = query.order_by(*(key.desc() if newest_first else key for key in keys)).limit(limit)
    # The driver's own rows: peewee's conversion would double the time.
    return iter(archive.db.execute(query))  # type: ignore[no-untyped-call]


def _items(span: Span, mask: int, epoch: int, seq: int, count: int, time_s: int, body: bytes) -> list[Item]:
    return [
        Item(reading.time_s, epoch, seq, i, {code: v for code, v in reading.values.items() if mask >> code & 1})
        for i, reading in enumerate(decode(bytes(body), count, time_s))
        if span.from_s <= reading.time_s < span.to_s
    ]


def _pair(a: Item, b: Item) -> list[Item]:
    if a is b:
        return [a]
    return [a, b] if a.time_s <= b.time_s else [b, a]
