"""/api/v1: what the pages and other programs read. Every answer is bounded and says when it was cut.

A route says its need, what it takes (a Query of parameters.py), and what it answers (a model of answers.py). The first line of its
docstring is its summary in the document, what follows the description.
"""

import logging
from collections.abc import Iterator
from typing import Any, AnyStr, Literal

import orjson
from apiflask import APIBlueprint, FileSchema
from flask import Response, jsonify, request, stream_with_context, url_for
from gridecho.states import STATES
from pydantic import BaseModel, Field

from ..rules.errors import RemoteError
from ..rules.scopes import Purpose, Resolution
from ..rules.sentences import sentence
from ..rules.units import label, obis, unit
from ..use import holes, live
from ..use import sensors as shared
from ..use.holes import Hole
from ..use.sensors import Export, Overview, SharedSensor
from ..web.context import the_actor, the_site
from ..web.downloads import download
from ..web.guard import Need, needs
from ..web.running import running
from ..web.unchanged import or_unchanged
from .answers import Energy, Gaps, Holes, Latest, LatestPage, Readings, SensorDetails, SensorPage, UndatedReadings
from .parameters import (
    WAIT_S,
    DaysQuery,
    Quantities,
    Query,
    SpanQuery,
    TimesQuery,
    Token1,
    Token3,
    Token4,
    limit,
    page_token,
    wait,
)
from .tables import csv_of, curve, json_of, parquet_of, reading

log = logging.getLogger("gridecho.remote.api")

api = APIBlueprint("api", __name__, url_prefix="/api/v1", tag="Sensors")

_DEFAULT_LIMIT = 5_000
_MOST_POINTS = 5_000
_MOST_NAME = 100
_SPAN_PARAMETERS = ("from", "to", "quantities", "limit", "stored_since", "wait")
# A poll asks again for what was stored in the last seconds, so that nothing is missed that was being committed meanwhile.
_OVERLAP_MS = 5_000
_UNCHANGED: dict[int, Any] = {304: {"description": "Of days that are over: it is as it was when it had that ETag."}}
_CSV, _PARQUET = "text/csv; charset=utf-8", "application/vnd.apache.parquet"


class SensorsQuery(Query):
    """Which of the sensors."""

    limit: int = limit(shared.MAX_SENSORS)
    after: Token1 = page_token()
    name: str = Field("", max_length=_MOST_NAME, description="Only those with this in their name, or as their number.")


class LatestQuery(Query):
    """Which of the sensors."""

    limit: int = limit(100)
    after: Token1 = page_token()


class ReadingsQuery(SpanQuery):
    """Which of the readings, and in which form."""

    points: int = Field(
        0,
        ge=0,
        le=_MOST_POINTS,
        description="About so many points of one quantity, for a curve. 0: readings, in pages.",
    )
    live: int = Field(0, ge=0, le=1, description="1: have the sensor send at once for the next 20 seconds.")
    limit: int = limit(shared.MAX_PAGE, _DEFAULT_LIMIT)
    after: Token4 = page_token()


class EnergyQuery(DaysQuery):
    """Which register, and which periods."""

    unit: Literal["quarter", "hour", "day", "month"] = Field("day", description="How long a period is.")
    wait: int | None = wait()


class UndatedQuery(Query):
    """Which of the readings without a time."""

    quantities: Quantities
    limit: int = limit(shared.MAX_PAGE, _DEFAULT_LIMIT)
    after: Token3 = page_token()


class UndatedFileQuery(Query):
    """Which quantities."""

    quantities: Quantities


class FileHeaders(BaseModel):
    """What is said beside a file."""

    gridecho_holes: int = Field(
        0, alias="Gridecho-Holes", description="How many holes are in it; it is there where there are any."
    )


@api.get("/sensors")
@needs(Need.PERSON)
@api.input(SensorsQuery, "query", arg_name="asked")
@api.output(SensorPage)
def sensors(asked: SensorsQuery) -> dict[str, Any]:
    """The sensors that were granted, at most 500 an answer."""
    name = asked.name.strip()
    if not name.isprintable():
        raise RemoteError("query-text", name="name", most=_MOST_NAME)
    found = shared.mine(the_site(), the_actor(), asked.after[0] if asked.after else -1, asked.limit, name)
    given: dict[str, Any] = {"name": name} if name else {}
    more = url_for("api.sensors", after=found[-1].id, limit=asked.limit, **given) if len(found) == asked.limit else None
    return {"sensors": [_described(one) for one in found], "next": more}


@api.get("/sensors/<int:sensor_id>")
@needs(Need.PERSON)
@api.output(SensorDetails)
def sensor(sensor_id: int) -> dict[str, Any]:
    """One sensor: its quantities, the span of its data, its newest reading and route, and what it last told of itself."""
    seen = shared.look(the_site(), the_actor(), sensor_id)
    newest = seen.overview
    route = newest.route and {
        "relay": newest.route.relay_id,
        "relay_name": newest.relay_name,
        "rtt_us": newest.route.rtt_us,
        "time": newest.route.time_s or None,
    }
    return {
        **_described(newest.sensor),
        "first": seen.extent and seen.extent[0],
        "last": seen.extent and seen.extent[1],
        "latest": newest.latest and reading(newest.latest),
        "power_w": newest.power_w,
        "ahead_until": newest.ahead_until_s,
        "damaged": newest.damaged and sentence(newest.damaged),
        "undated": seen.undated,
        "imported": [{"from": from_s, "to": to_s} for from_s, to_s in seen.imported],
        "route": route,
        "state": _state(seen.state),
    }


@api.get("/latest")
@needs(Need.PERSON)
@api.input(LatestQuery, "query", arg_name="asked")
@api.output(LatestPage)
def latest_of_all(asked: LatestQuery) -> dict[str, Any]:
    """The newest reading of each sensor, at most 100 sensors an answer."""
    after = asked.after[0] if asked.after else -1
    found, more = shared.overviews(the_site(), the_actor(), after, asked.limit)
    next_ = url_for("api.latest_of_all", after=more, limit=asked.limit) if more is not None else None
    return {"sensors": list(map(_latest, found)), "next": next_}


@api.get("/sensors/<int:sensor_id>/latest")
@needs(Need.PERSON)
@api.output(Latest)
def latest(sensor_id: int) -> dict[str, Any]:
    """The newest reading of one sensor."""
    return _latest(shared.latest(the_site(), the_actor(), sensor_id))


@api.get("/sensors/<int:sensor_id>/readings")
@needs(Need.PERSON)
@api.input(ReadingsQuery, "query", arg_name="asked")
@api.output(Readings)
@api.doc(responses=_UNCHANGED)
def readings(sensor_id: int, asked: ReadingsQuery) -> Response:
    """Readings of a span in pages, or, with `points`, one quantity thinned to about that many readings.

    Of what relays hold still they are asked first; what did not come in time is in `holes`.
    """
    site = the_site()
    span, mask = asked.span, asked.quantities
    answer: dict[str, Any] = {"as_of": site.now_ms() - _OVERLAP_MS, "sensor": sensor_id}
    if asked.live:
        answer["live"] = live.watch(site, the_actor(), sensor_id)
    how_fine = Resolution.MONTH if asked.points else Resolution.RAW  # a curve shows what is open, however finely
    answer["holes"] = [_hole(one) for one in _fetched(sensor_id, asked, how_fine)]
    if asked.points:
        thin = shared.thinned(site, the_actor(), sensor_id, mask, span, asked.points)
        answer.update(readings=curve(thin.items), next=None)
        answer |= {"bucket_s": thin.bucket_s, "cut_before": thin.cut_s, "breaks": thin.breaks}
        return Response(orjson.dumps(answer), mimetype="application/json")
    found, after = shared.readings(site, the_actor(), sensor_id, mask, span, asked.limit, asked.after)
    given = {name: value for name, value in request.args.items() if name in _SPAN_PARAMETERS}
    answer["next"] = _more("api.readings", sensor_id, after, **given)
    content = json_of(answer, found)
    response = Response(content, mimetype="application/json")
    steady = not answer["holes"] and not span.stored_ms and site.days.is_over(span.to_s, site.clock())
    return or_unchanged(response, memoryview(content)[content.index(b",") :]) if steady else response  # but for `as_of`


@api.get("/sensors/<int:sensor_id>/readings.csv")
@needs(Need.PERSON)
@api.input(SpanQuery, "query", arg_name="asked")
@api.output(FileSchema(), content_type=_CSV, headers=FileHeaders)
@download
def readings_csv(sensor_id: int, asked: SpanQuery) -> Response:
    """All readings of a span as CSV, streamed."""
    return _csv_file(f"sensor-{sensor_id}.csv", *_export(sensor_id, asked))


@api.get("/sensors/<int:sensor_id>/readings.parquet")
@needs(Need.PERSON)
@api.input(SpanQuery, "query", arg_name="asked")
@api.output(FileSchema(), content_type=_PARQUET, headers=FileHeaders)
@download
def readings_parquet(sensor_id: int, asked: SpanQuery) -> Response:
    """All readings of a span as a Parquet file, streamed."""
    found, hole_count = _export(sensor_id, asked)
    return _file(f"sensor-{sensor_id}.parquet", _PARQUET, parquet_of(found.parts, found.codes), found, hole_count)


@api.get("/sensors/<int:sensor_id>/energy")
@needs(Need.PERSON)
@api.input(EnergyQuery, "query", arg_name="asked")
@api.output(Energy)
@api.doc(responses=_UNCHANGED)
def energy(sensor_id: int, asked: EnergyQuery) -> Response:
    """What a register rose by, by quarter of an hour, hour, day or month; by default energy drawn, by day, in the last 31 days."""
    site, unit_of_time = the_site(), asked.unit
    first, last = asked.days(site)
    mask = asked.quantities if "quantities" in asked.model_fields_set else 1
    wait_s = WAIT_S if asked.wait is None else asked.wait
    left = holes.fill_days(site, the_actor(), sensor_id, mask, first, last, unit_of_time, wait_s)
    found = shared.energy(site, the_actor(), sensor_id, mask, first, last, unit_of_time)
    rows = zip(found.begins_s.tolist(), found.dates, found.rise, found.stats[["count", "resets"]].tolist(), strict=True)
    answer = {
        "sensor": sensor_id,
        "unit": unit_of_time,
        "zone": site.days.name,
        "energy": [
            {"begin": begin_s, "date": when.isoformat(), "value": int(rise), "count": count, "resets": resets}
            for begin_s, when, rise, (count, resets) in rows
        ],
        "holes": [_hole(one) for one in left],
    }
    response = jsonify(answer)
    days_over = last < site.days.today(site.clock())
    return or_unchanged(response, response.get_data()) if days_over and not left else response


@api.get("/sensors/<int:sensor_id>/undated")
@needs(Need.PERSON)
@api.input(UndatedQuery, "query", arg_name="asked")
@api.output(UndatedReadings)
def undated_readings(sensor_id: int, asked: UndatedQuery) -> Response:
    """Readings without a time, in the order of their numbers: their sensor knew none, and nobody has dated them since."""
    mask = asked.quantities
    found, after = shared.undated_readings(the_site(), the_actor(), sensor_id, mask, asked.limit, asked.after)
    given = {name: value for name, value in request.args.items() if name in ("quantities", "limit")}
    more = _more("api.undated_readings", sensor_id, after, **given)
    return Response(json_of({"sensor": sensor_id, "next": more}, found), mimetype="application/json")


@api.get("/sensors/<int:sensor_id>/undated.csv")
@needs(Need.PERSON)
@api.input(UndatedFileQuery, "query", arg_name="asked")
@api.output(FileSchema(), content_type=_CSV)
@download
def undated_csv(sensor_id: int, asked: UndatedFileQuery) -> Response:
    """All readings without a time as CSV, streamed."""
    found = shared.undated_export(the_site(), the_actor(), sensor_id, asked.quantities)
    return _csv_file(f"sensor-{sensor_id}-undated.csv", found)


@api.get("/sensors/<int:sensor_id>/gaps")
@needs(Need.PERSON)
@api.output(Gaps)
def gaps(sensor_id: int) -> dict[str, Any]:
    """The holes in the sensor's numbering: what was lost, or lies on the relays `held_by` still. At most 1,000 an answer."""
    found = shared.gaps(the_site(), the_actor(), sensor_id)
    return {
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


@api.get("/sensors/<int:sensor_id>/holes")
@needs(Need.PERSON)
@api.input(TimesQuery, "query", arg_name="asked")
@api.output(Holes)
def sensor_holes(sensor_id: int, asked: TimesQuery) -> dict[str, Any]:
    """What of a span relays hold still; nobody is asked for it."""
    span = asked.span
    found = holes.left(the_site(), the_actor(), sensor_id, asked.quantities, span.from_s, span.to_s)
    return {"sensor": sensor_id, "holes": list(map(_hole, found))}


def _latest(one: Overview) -> dict[str, Any]:
    return {
        "sensor": one.sensor.id,
        "latest": one.latest and reading(one.latest),
        "power_w": one.power_w,
        "damaged": one.damaged and sentence(one.damaged),
    }


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


def _export(sensor_id: int, asked: SpanQuery) -> tuple[Export, int]:
    """The readings of a span, and how many holes are in them."""
    span = asked.span
    left = _fetched(sensor_id, asked, Resolution.RAW, Purpose.EXPORT)
    return shared.export(the_site(), the_actor(), sensor_id, asked.quantities, span), len(left)


def _fetched(sensor_id: int, asked: SpanQuery, fine: Resolution, purpose: Purpose = Purpose.LOOK) -> list[Hole]:
    """Has relays asked for what is missing of a span."""
    site, span = the_site(), asked.span
    return holes.fill(
        site, the_actor(), sensor_id, asked.quantities, span.from_s, span.to_s, asked.wait_s, fine, purpose
    )


def _hole(one: Hole) -> dict[str, Any]:
    return {
        "from": one.from_s,
        "to": one.to_s,
        "relay": one.relay_id,
        "reason": one.reason,
        "says": sentence(RemoteError(one.reason)),
        "expected": one.expected_s,
    }


def _csv_file(name: str, found: Export, hole_count: int = 0) -> Response:
    return _file(name, _CSV, csv_of(found.parts, found.codes), found, hole_count)


def _file(name: str, kind: str, content: Iterator[AnyStr], found: Export, hole_count: int) -> Response:
    headers = {"Content-Disposition": f"attachment; filename={name}"}
    if hole_count:
        headers["Gridecho-Holes"] = str(hole_count)
    answer = Response(stream_with_context(_or_broken_off(content)), content_type=kind, headers=headers)
    answer.call_on_close(running().watch(the_actor().id, found.is_open, found.ended))
    return answer


def _or_broken_off(content: Iterator[AnyStr]) -> Iterator[AnyStr]:
    """The content; where it cannot go on the connection breaks off, so that nobody takes what there is for all."""
    try:
        yield from content
    except RemoteError as error:
        log.warning("download-broken-off path=%s reason=%r", request.path, str(error))
        raise ConnectionAbortedError from None
