"""/api/v1: what the pages and other programs read. Every answer is bounded and says when it was cut."""

import csv
import io
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, Response, jsonify, request, stream_with_context, url_for
from gridecho.registers import CODE_OF
from gridecho.states import STATES

from ..rules.errors import RemoteError
from ..rules.units import label, obis, unit
from ..use import sensors as shared
from ..use.sensors import Export, Item, SharedSensor, Span
from ..web.context import the_actor, the_site
from ..web.guard import Need, needs

api = Blueprint("api", __name__, url_prefix="/api/v1")

DEFAULT_LIMIT = 5_000
MAX_POINTS = 5_000
_END_OF_TIME_S = 1 << 32
_SPAN_PARAMETERS = ("from", "to", "quantities", "limit", "stored_since")
# A poll asks again for what was stored in the last seconds, so that nothing is missed that was being committed meanwhile.
_OVERLAP_MS = 5_000


@api.get("/sensors")
@needs(Need.PERSON)
def sensors() -> Response:
    """The user's sensors, at most 500 an answer; `next` is the address of the rest."""
    limit = _number("limit", shared.MAX_SENSORS, 1, shared.MAX_SENSORS)
    after = _number("after", -1, -1, _END_OF_TIME_S)
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
            "latest": newest.latest and _reading(newest.latest),
            "power_w": newest.power_w,
            "ahead_until": newest.ahead_until_s,
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
    span, mask = _span(), _mask()
    answer: dict[str, Any] = {"sensor": sensor_id, "as_of": site.now_ms() - _OVERLAP_MS}
    points = _number("points", 0, 1, MAX_POINTS)
    if points:
        thin = shared.thinned(site, the_actor(), sensor_id, mask, span, points)
        answer.update(readings=[_reading(item) for item in thin.items], next=None)
        return jsonify({**answer, "bucket_s": thin.bucket_s, "cut_before": thin.cut_s, "breaks": thin.breaks})
    limit = _number("limit", DEFAULT_LIMIT, 1, shared.MAX_PAGE)
    items, after = shared.readings(site, the_actor(), sensor_id, mask, span, limit, _cursor(4))
    given = {name: value for name, value in request.args.items() if name in _SPAN_PARAMETERS}
    more = _more("api.readings", sensor_id, after, **given)
    return jsonify({**answer, "readings": [_reading(item) for item in items], "next": more})


@api.get("/sensors/<int:sensor_id>/readings.csv")
@needs(Need.PERSON)
def readings_csv(sensor_id: int) -> Response:
    """All readings of a span as CSV, streamed."""
    found = shared.export(the_site(), the_actor(), sensor_id, _mask(), _span())
    return _csv_file(f"sensor-{sensor_id}.csv", found)


@api.get("/sensors/<int:sensor_id>/undated")
@needs(Need.PERSON)
def undated_readings(sensor_id: int) -> Response:
    """Readings without a time, in the order of their numbers: their sensor knew none, and nobody has dated them since."""
    limit = _number("limit", DEFAULT_LIMIT, 1, shared.MAX_PAGE)
    items, after = shared.undated_readings(the_site(), the_actor(), sensor_id, _mask(), limit, _cursor(3))
    given = {name: value for name, value in request.args.items() if name in ("quantities", "limit")}
    more = _more("api.undated_readings", sensor_id, after, **given)
    return jsonify({"sensor": sensor_id, "readings": [_reading(item) for item in items], "next": more})


@api.get("/sensors/<int:sensor_id>/undated.csv")
@needs(Need.PERSON)
def undated_csv(sensor_id: int) -> Response:
    """All readings without a time as CSV, streamed."""
    found = shared.undated_export(the_site(), the_actor(), sensor_id, _mask())
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


def _reading(item: Item) -> dict[str, Any]:
    values = {obis(code): value for code, value in item.values.items()}
    return {"time": item.time_s or None, "epoch": item.epoch, "seq": item.seq, "item": item.item, "values": values}


def _state(state: dict[int, int]) -> dict[str, int]:
    """By the field names of `gridecho.states`; codes that this version does not know are left out."""
    return {STATES[code][2]: value for code, value in state.items() if code in STATES}


def _csv_file(name: str, found: Export) -> Response:
    return Response(
        stream_with_context(_csv(found.items, found.codes)),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f"attachment; filename={name}"},
    )


def _csv(items: Iterator[Item], codes: list[int]) -> Iterator[str]:
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(["time", "utc", "epoch", "seq", "item", *(f"{obis(code)} [{unit(code)}]" for code in codes)])
    for time_s, epoch, seq, item, values in items:
        utc = datetime.fromtimestamp(time_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if time_s else ""
        writer.writerow([time_s or "", utc, epoch, seq, item, *[values.get(code, "") for code in codes]])
        if buffer.tell() > 32_768:
            yield buffer.getvalue()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue()


def _span() -> Span:
    from_s = _number("from", 0, 0, _END_OF_TIME_S)
    to_s = _number("to", _END_OF_TIME_S, 0, _END_OF_TIME_S)
    if from_s > to_s:
        raise RemoteError("query-span")
    return Span(from_s, to_s, _number("stored_since", 0, 0, 1 << 53))


def _mask() -> int:
    """The quantities that are asked for; all if none is named. One that is not granted is as one that was never sent."""
    asked = request.args.get("quantities")
    if not asked:
        return -1
    mask = 0
    for name in asked.split(","):
        if name not in CODE_OF:
            raise RemoteError("query-quantity", name=repr(name))
        mask |= 1 << CODE_OF[name]
    return mask


def _cursor(length: int) -> Any:
    text = request.args.get("after")
    if text is None:
        return None
    parts = text.split(".")
    if len(parts) != length or not all(part.isascii() and part.isdecimal() and len(part) <= 10 for part in parts):
        raise RemoteError("query-after")
    return tuple(map(int, parts))


def _number(name: str, default: int, least: int, most: int) -> int:
    text = request.args.get(name)
    if text is None:
        return default
    try:
        number = int(text)
    except ValueError:
        number = least - 1
    if not least <= number <= most or len(text) > 20:
        raise RemoteError("query-number", name=name, least=least, most=most)
    return number
