"""/api/v1: what the pages and other programs read. Every answer is bounded and says when it was cut."""

import logging
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, AnyStr

from flask import Blueprint, Response, jsonify, request, stream_with_context, url_for
from gridecho.states import STATES

from ..rules.errors import RemoteError
from ..rules.scopes import Purpose, Resolution
from ..rules.sentences import sentence
from ..rules.units import label, obis, unit
from ..use import fetching, live
from ..use import sensors as shared
from ..use.fetching import Hole
from ..use.sensors import Export, SharedSensor, Span
from ..web.context import the_actor, the_site
from ..web.downloads import download
from ..web.guard import Need, needs
from ..web.running import running
from .parameters import date_of, number, quantities
from .tables import csv_of, json_of, parquet_of, reading

log = logging.getLogger("gridecho.remote.api")

api = Blueprint("api", __name__, url_prefix="/api/v1")

DEFAULT_LIMIT = 5_000
MAX_POINTS = 5_000
_END_OF_TIME_S = 1 << 32
_SPAN_PARAMETERS = ("from", "to", "quantities", "limit", "stored_since", "wait")
# A poll asks again for what was stored in the last seconds, so that nothing is missed that was being committed meanwhile.
_OVERLAP_MS = 5_000
_WAIT_S = 3  # for relays that hold what is asked for


@api.get("/sensors")
@needs(Need.PERSON)
def sensors() -> Response:
    """The user's sensors, at most 500 an answer; `next` is the address of the rest."""
    limit = number("limit", shared.MAX_SENSORS, 1, shared.MAX_SENSORS)
    after = number("after", -1, -1, _END_OF_TIME_S)
    found = shared.mine(the_site(), the_actor(), after, limit)
    more = url_for("api.sensors", after=found[-1].id, limit=limit) if len(found) == limit else None
    return jsonify({"sensors": [_described(one) for one in found], "next": more})


@api.get("/sensors/<int:sensor_id>")
@needs(Need.PERSON)
def sensor(sensor_id: int) -> Response:
    """One sensor: its quantities, the span of its data, its newest reading and route, and what it last told of itself."""
    seen = shared.look(the_site(), the_actor(), sensor_id)
    newest = seen.overview
    route = newest.route and {
        "relay": newest.route.relay_id,
        "relay_name": newest.relay_name,
        "rtt_us": newest.route.rtt_us,
        "time": newest.route.time_s or None,
    }
    return jsonify(
        {
            **_described(newest.sensor),
            "first": seen.extent and seen.extent[0],
            "last": seen.extent and seen.extent[1],
            "latest": newest.latest and reading(newest.latest),
            "power_w": newest.power_w,
            "ahead_until": newest.ahead_until_s,
            "damaged": newest.damaged and sentence(newest.damaged),
            "undated": seen.undated,
            "route": route,
            "state": _state(seen.state),
        }
    )


@api.get("/sensors/<int:sensor_id>/readings")
@needs(Need.PERSON)
def readings(sensor_id: int) -> Response:
    """Readings of a span in pages, or, with `points`, one quantity thinned to about that many readings."""
    site = the_site()
    span, mask = _span(), quantities()
    answer: dict[str, Any] = {"sensor": sensor_id, "as_of": site.now_ms() - _OVERLAP_MS}
    if number("live", 0, 0, 1):
        answer["live"] = live.watch(site, the_actor(), sensor_id)
    points = number("points", 0, 1, MAX_POINTS)
    how_fine = Resolution.MONTH if points else Resolution.RAW  # a curve shows what is open, however finely
    answer["holes"] = [_hole(one) for one in _fetched(sensor_id, mask, span, how_fine)]
    if points:
        thin = shared.thinned(site, the_actor(), sensor_id, mask, span, points)
        answer.update(readings=[reading(item) for item in thin.items], next=None)
        return jsonify({**answer, "bucket_s": thin.bucket_s, "cut_before": thin.cut_s, "breaks": thin.breaks})
    limit = number("limit", DEFAULT_LIMIT, 1, shared.MAX_PAGE)
    found, after = shared.readings(site, the_actor(), sensor_id, mask, span, limit, _cursor(4))
    given = {name: value for name, value in request.args.items() if name in _SPAN_PARAMETERS}
    more = _more("api.readings", sensor_id, after, **given)
    return Response(json_of({**answer, "next": more}, found), mimetype="application/json")


@api.get("/sensors/<int:sensor_id>/readings.csv")
@needs(Need.PERSON)
@download
def readings_csv(sensor_id: int) -> Response:
    """All readings of a span as CSV, streamed."""
    return _csv_file(f"sensor-{sensor_id}.csv", *_export(sensor_id))


@api.get("/sensors/<int:sensor_id>/readings.parquet")
@needs(Need.PERSON)
@download
def readings_parquet(sensor_id: int) -> Response:
    """All readings of a span as a Parquet file, streamed."""
    found, holes = _export(sensor_id)
    kind = "application/vnd.apache.parquet"
    return _file(f"sensor-{sensor_id}.parquet", kind, parquet_of(found.parts, found.codes), found, holes)


@api.get("/sensors/<int:sensor_id>/energy")
@needs(Need.PERSON)
def energy(sensor_id: int) -> Response:
    """What a register rose by, by quarter of an hour, hour, day or month; by default energy drawn, by day, in the last 31 days."""
    site = the_site()
    unit_of_time = request.args.get("unit", "day")
    if unit_of_time not in shared.UNITS:
        raise RemoteError("query-unit", units=", ".join(shared.UNITS))
    today = site.days.date_of(int(site.days.number([int(site.clock())])[0]))
    last = date_of("to", today)
    first = date_of("from", last - timedelta(30))
    mask = quantities() if "quantities" in request.args else 1
    holes = fetching.fetch_days(site, the_actor(), sensor_id, mask, first, last, unit_of_time, _wait_s())
    found = shared.energy(site, the_actor(), sensor_id, mask, first, last, unit_of_time)
    rows = zip(found.begins_s.tolist(), found.dates, found.rise, found.stats[["count", "resets"]].tolist(), strict=True)
    return jsonify(
        {
            "sensor": sensor_id,
            "unit": unit_of_time,
            "zone": site.days.name,
            "energy": [
                {"begin": begin_s, "date": when.isoformat(), "value": int(rise), "count": count, "resets": resets}
                for begin_s, when, rise, (count, resets) in rows
            ],
            "holes": [_hole(one) for one in holes],
        }
    )


@api.get("/sensors/<int:sensor_id>/undated")
@needs(Need.PERSON)
def undated_readings(sensor_id: int) -> Response:
    """Readings without a time, in the order of their numbers: their sensor knew none, and nobody has dated them since."""
    limit = number("limit", DEFAULT_LIMIT, 1, shared.MAX_PAGE)
    found, after = shared.undated_readings(the_site(), the_actor(), sensor_id, quantities(), limit, _cursor(3))
    given = {name: value for name, value in request.args.items() if name in ("quantities", "limit")}
    more = _more("api.undated_readings", sensor_id, after, **given)
    return Response(json_of({"sensor": sensor_id, "next": more}, found), mimetype="application/json")


@api.get("/sensors/<int:sensor_id>/undated.csv")
@needs(Need.PERSON)
@download
def undated_csv(sensor_id: int) -> Response:
    """All readings without a time as CSV, streamed."""
    found = shared.undated_export(the_site(), the_actor(), sensor_id, quantities())
    return _csv_file(f"sensor-{sensor_id}-undated.csv", found)


@api.get("/sensors/<int:sensor_id>/gaps")
@needs(Need.PERSON)
def gaps(sensor_id: int) -> Response:
    """The holes in the sensor's numbering: what was lost, or lies on the relays `held_by` still. At most 1,000 an answer."""
    found = shared.gaps(the_site(), the_actor(), sensor_id)
    return jsonify(
        {
            "sensor": sensor_id,
            "gaps": [
                {
                    "epoch": gap.epoch,
                    "first_seq": gap.first_seq,
                    "last_seq": gap.last_seq,
                    "after": gap.after_s,
                    "before": gap.before_s,
                    "held_by": gap.held_by,
                }
                for gap in found
            ],
        }
    )


def _more(endpoint: str, sensor_id: int, after: tuple[int, ...] | None, **given: Any) -> str | None:
    return url_for(endpoint, sensor_id=sensor_id, after=".".join(map(str, after)), **given) if after else None


def _described(one: SharedSensor) -> dict[str, Any]:
    return {
        "id": one.id,
        "name": one.name,
        "region": one.region,
        "category": one.category,
        "quantities": [{"obis": obis(code), "unit": unit(code), "label": label(code)} for code in one.codes],
    }


def _state(state: dict[int, int]) -> dict[str, int]:
    """By the field names of `gridecho.states`; codes that this version does not know are left out."""
    return {STATES[code][2]: value for code, value in state.items() if code in STATES}


def _export(sensor_id: int) -> tuple[Export, int]:
    """The readings of a span, and how many holes are in them."""
    mask, span = quantities(), _span()
    holes = _fetched(sensor_id, mask, span, Resolution.RAW, Purpose.EXPORT)
    return shared.export(the_site(), the_actor(), sensor_id, mask, span), len(holes)


def _fetched(
    sensor_id: int, mask: int, span: Span, resolution: Resolution, purpose: Purpose = Purpose.LOOK
) -> list[Hole]:
    """Has relays asked for what is missing of a span; who only asks what was stored lately does not wait for that."""
    wait_s = _wait_s(0 if span.stored_ms else _WAIT_S)
    return fetching.fetch(the_site(), the_actor(), sensor_id, mask, span.from_s, span.to_s, wait_s, resolution, purpose)


def _wait_s(default: int = _WAIT_S) -> int:
    return number("wait", default, 0, fetching.MOST_WAIT_S)


def _hole(one: Hole) -> dict[str, Any]:
    return {
        "from": one.from_s,
        "to": one.to_s,
        "relay": one.relay_id,
        "reason": one.reason,
        "says": sentence(RemoteError(one.reason)),
        "expected": one.expected_s,
    }


def _csv_file(name: str, found: Export, holes: int = 0) -> Response:
    return _file(name, "text/csv; charset=utf-8", csv_of(found.parts, found.codes), found, holes)


def _file(name: str, kind: str, content: Iterator[AnyStr], found: Export, holes: int) -> Response:
    headers = {"Content-Disposition": f"attachment; filename={name}"}
    if holes:
        headers["Gridecho-Holes"] = str(holes)
    answer = Response(stream_with_context(_or_broken_off(content)), content_type=kind, headers=headers)
    answer.call_on_close(found.ended)
    answer.call_on_close(running().watch(the_actor().id, found.is_open))
    return answer


def _or_broken_off(content: Iterator[AnyStr]) -> Iterator[AnyStr]:
    """The content; where it cannot go on the connection breaks off, so that nobody takes what there is for all."""
    try:
        yield from content
    except RemoteError as error:
        log.warning("download-broken-off path=%s reason=%r", request.path, str(error))
        raise ConnectionAbortedError from None


def _span() -> Span:
    from_s = number("from", 0, 0, _END_OF_TIME_S)
    to_s = number("to", _END_OF_TIME_S, 0, _END_OF_TIME_S)
    if from_s > to_s:
        raise RemoteError("query-span")
    return Span(from_s, to_s, number("stored_since", 0, 0, 1 << 53))


def _cursor(length: int) -> Any:
    text = request.args.get("after")
    if text is None:
        return None
    parts = text.split(".")
    if len(parts) != length or not all(part.isascii() and part.isdecimal() and len(part) <= 10 for part in parts):
        raise RemoteError("query-after")
    return tuple(map(int, parts))
