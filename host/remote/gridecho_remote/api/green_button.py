"""Green Button: a sensor's energy and power as an Atom feed of NAESB REQ.21 (ESPI), which other programs read."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Literal
from uuid import NAMESPACE_URL, uuid5
from xml.sax.saxutils import escape

from apiflask import FileSchema
from flask import Response
from pydantic import Field

from ..rules.clock_changes import clock_changes
from ..rules.scopes import Purpose
from ..rules.units import label, obis, unit
from ..use import green
from ..use.green import Block, Green
from ..web.context import the_actor, the_site
from ..web.downloads import download
from ..web.guard import Need, needs
from .parameters import SpanQuery
from .sensors import FileHeaders, _fetched, _file, api

CONTENT_TYPE = "application/atom+xml; charset=utf-8"

_BEGIN = """<?xml version="1.0" encoding="UTF-8"?>
<feed xmlns="http://www.w3.org/2005/Atom" xmlns:espi="http://naesb.org/espi">
<id>{id}</id>
<title>{title}</title>
<updated>{now}</updated>
"""
_ENTRY = """<entry>
<id>{id}</id>
{links}
<title>{title}</title>
<published>{now}</published>
<updated>{now}</updated>
<content type="application/xml">{content}</content>
</entry>
"""
_POINT = "<espi:UsagePoint><espi:ServiceCategory><espi:kind>0</espi:kind></espi:ServiceCategory></espi:UsagePoint>"
_TIME = (
    "<espi:LocalTimeParameters><espi:dstEndRule>{ends:08X}</espi:dstEndRule><espi:dstOffset>{forward_s}</espi:dstOffset>"
    "<espi:dstStartRule>{begins:08X}</espi:dstStartRule><espi:tzOffset>{offset_s}</espi:tzOffset></espi:LocalTimeParameters>"
)
_TYPE = (
    "<espi:ReadingType><espi:accumulationBehaviour>{behaviour}</espi:accumulationBehaviour><espi:commodity>1</espi:commodity>"
    "<espi:dataQualifier>12</espi:dataQualifier><espi:flowDirection>{flow}</espi:flowDirection>"
    "<espi:intervalLength>{length_s}</espi:intervalLength><espi:kind>{kind}</espi:kind>"
    "<espi:powerOfTenMultiplier>0</espi:powerOfTenMultiplier><espi:timeAttribute>{attribute}</espi:timeAttribute>"
    "<espi:uom>{uom}</espi:uom></espi:ReadingType>"
)
_READING = (
    "<espi:IntervalReading><espi:timePeriod><espi:duration>{}</espi:duration><espi:start>{}</espi:start></espi:timePeriod>"
    "<espi:value>{}</espi:value></espi:IntervalReading>"
)
_BLOCK = (
    "<espi:IntervalBlock><espi:interval><espi:duration>{}</espi:duration><espi:start>{}</espi:start></espi:interval>"
    "\n{}\n</espi:IntervalBlock>"
)

# ESPI's codes: how values accumulate (differences, at a moment), what is measured (energy, power), and its unit.
_KINDS = {"Wh": {"behaviour": 4, "kind": 12, "uom": 72}, "W": {"behaviour": 12, "kind": 37, "uom": 38}}
_FORWARD, _REVERSE = 1, 19
_LENGTHS_S = {"quarter": 900, "hour": 3_600, "day": 86_400}  # as a rule: a day may have 23 or 25 hours
_ATTRIBUTES = {"day": 11, "month": 13}
_AT_ONCE = 2_000  # readings a block; some readers hold one in memory


class GreenButtonQuery(SpanQuery):
    """Which intervals."""

    unit: Literal["raw", "quarter", "hour", "day", "month"] | None = Field(
        None, description="From reading to reading, or by period; the finest that is open where it is not said."
    )


@api.get("/sensors/<int:sensor_id>/green-button.xml")
@needs(Need.PERSON)
@api.input(GreenButtonQuery, "query", arg_name="asked")
@api.output(FileSchema(), content_type=CONTENT_TYPE, headers=FileHeaders)
@download
def green_button(sensor_id: int, asked: GreenButtonQuery) -> Response:
    """Energy and power of a span as a Green Button file (NAESB ESPI), streamed."""
    site, actor = the_site(), the_actor()
    holes = _fetched(sensor_id, asked, green.NAMES[asked.unit or "month"], Purpose.EXPORT)
    found = green.export(site, actor, sensor_id, asked.quantities, asked.span, asked.unit)
    content = feed(sensor_id, found, site.days.name, site.clock())
    return _file(f"sensor-{sensor_id}.xml", CONTENT_TYPE, content, found.export, len(holes))


def feed(sensor_id: int, found: Green, zone: str, now_s: float) -> Iterator[str]:
    """The feed: the usage point, the zone's clocks, each quantity and its type, and then blocks as they are read."""
    now = datetime.fromtimestamp(int(now_s), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    point = f"/espi/1_1/resource/UsagePoint/{sensor_id}"
    time = "/espi/1_1/resource/LocalTimeParameters/1"

    def entry(path: str, title: str, content: str, *related: str) -> str:
        above = path.rpartition("/")[0]
        links = [("self", path, "entry"), ("up", above, "feed")]
        links += [("related", one, "entry" if one[-1].isdecimal() else "feed") for one in related]
        return _ENTRY.format(
            id=uuid5(NAMESPACE_URL, path).urn,
            links="\n".join(
                f'<link rel="{rel}" href="{href}" type="espi-{kind}/{_kind(href)}"/>' for rel, href, kind in links
            ),
            title=escape(title),
            now=now,
            content=content,
        )

    title = escape(_plain(found.name))
    pieces = [_BEGIN.format(id=uuid5(NAMESPACE_URL, f"{point} {now}").urn, title=title, now=now)]
    self = f"/api/v1/sensors/{sensor_id}/green-button.xml"
    pieces += [f'<link rel="self" href="{self}" type="application/atom+xml"/>\n']
    pieces += [entry(point, _plain(found.name), _POINT, f"{point}/MeterReading", time)]
    pieces += [entry(time, zone, _clocks(zone))]
    for code in found.export.codes:
        reading, kind = f"{point}/MeterReading/{code}", f"/espi/1_1/resource/ReadingType/{code}"
        content = "<espi:MeterReading/>"
        pieces += [entry(reading, label(code), content, f"{reading}/IntervalBlock", kind)]
        pieces += [entry(kind, f"{obis(code)} [{unit(code)}]", _type(code, found.unit))]
    yield "".join(pieces)
    count: Counter[int] = Counter()
    for block in found.export.parts:
        for at in range(0, len(block), _AT_ONCE):
            count[block.code] += 1
            path = f"{point}/MeterReading/{block.code}/IntervalBlock/{count[block.code]}"
            yield entry(path, "", _block(block, slice(at, at + _AT_ONCE)))
    yield "</feed>\n"


def _kind(href: str) -> str:
    """What a path leads to: UsagePoint, MeterReading, ..."""
    return next(one for one in reversed(href.split("/")) if not one.isdecimal())


def _clocks(zone: str) -> str:
    found = clock_changes(zone)
    return _TIME.format(ends=found.ends, forward_s=found.forward_s, begins=found.begins, offset_s=found.offset_s)


def _type(code: int, interval: str) -> str:
    return _TYPE.format(
        flow=_REVERSE if obis(code).startswith("1-0:2.") else _FORWARD,
        length_s=_LENGTHS_S.get(interval, 0),
        attribute=_ATTRIBUTES.get(interval, 0),
        **_KINDS[unit(code)],
    )


def _block(block: Block, chosen: slice) -> str:
    begins_s, lasts_s, values = (column[chosen].tolist() for column in (block.begins_s, block.lasts_s, block.values))
    readings = "\n".join(map(_READING.format, lasts_s, begins_s, values))
    return _BLOCK.format(begins_s[-1] + lasts_s[-1] - begins_s[0], begins_s[0], readings)


def _plain(text: str) -> str:
    """Without what XML cannot have."""
    return "".join(one for one in text if one.isprintable())
