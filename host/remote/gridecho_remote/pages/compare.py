"""Several sensors and regions in one chart. The address says which: who is sent it sees of them what they may."""

from typing import Any

from flask import render_template, request, url_for
from flask_babel import gettext
from gridecho.quantities import ENERGY_IMPORT

from ..rules.units import obis, scales, unit
from ..use import sensors
from ..web.context import the_actor, the_site
from ..web.guard import Need, needs
from .blueprint import pages
from .language import label

MOST = 6
_MOST_TEXT = 1_000
_ID_DIGITS = 10


@pages.get("/compare")
@needs(Need.PERSON)
def compare() -> str:
    """A chart of up to six sensors and regions together."""
    site = the_site()
    asked, paths = _numbers(), _paths()
    left = max(0, len(asked) + len(paths) - MOST)
    asked, paths = asked[:MOST], paths[: max(0, MOST - len(asked))]
    found = sensors.some(site, the_actor(), asked)
    ids = [one.id for one, _ in found]
    chosen: list[dict[str, Any]] = [
        {
            "sensor": one.id,
            "name": one.name,
            "place": one.region,
            "registers": {obis(code): units for code, units in registers_of.items()},
            "url": url_for("pages.sensor", sensor_id=one.id),
            "less": _address([other for other in ids if other != one.id], paths),
        }
        for one, registers_of in found
    ]
    chosen += [
        {"region": path, "name": path, "place": "", "less": _address(ids, [other for other in paths if other != path])}
        for path in paths
    ]
    curves = sorted({code for one, _ in found for code in one.codes if unit(code) != "Wh"})
    registers: dict[int, set[str]] = {ENERGY_IMPORT: {"day", "month"}} if paths else {}
    for _, some in found:
        for code, units in some.items():
            registers.setdefault(code, set()).update(units)
    setup = {
        "chosen": chosen,
        "quantities": [{"obis": obis(code), "unit": unit(code)} for code in [*curves, *registers]],
        "api": url_for("api.sensors"),
        "regions": url_for("region_api.all_regions"),
        "page": url_for("pages.compare"),
        "most": MOST,
        "scales": scales(),
        "now": site.clock(),
        "zone": site.days.name,
    }
    return render_template(
        "compare.html",
        setup=setup,
        choices=_choices(curves, registers, by_day=bool(paths)),
        left=left,
        has_regions=bool(paths),
        missing=len(asked) - len(found),
    )


def _choices(curves: list[int], registers: dict[int, set[str]], by_day: bool) -> list[tuple[str, str, bool]]:
    """How it can be drawn: (value, words, whether it is so at first)."""
    words = {
        "hour": gettext("%(what)s by hour"),
        "day": gettext("%(what)s by day"),
        "month": gettext("%(what)s by month"),
    }
    found = [(f"curve {obis(code)}", label(code)) for code in curves]
    found += [
        (f"{step} {obis(code)}", text % {"what": label(code)})
        for code in sorted(registers)
        for step, text in words.items()
        if step in registers[code]
    ]
    first = next((value for value, _ in found if not by_day or value.startswith("day")), "")
    return [(value, text, value == first) for value, text in found]


def _address(ids: list[int], paths: list[str]) -> str:
    given: dict[str, Any] = {"sensors": ",".join(map(str, ids))} if ids else {}
    given |= {"region": paths} if paths else {}
    return url_for("pages.compare", **given)


def _numbers() -> list[int]:
    """Each sensor's number once, in the order given; what is none is passed over."""
    found = [part.strip() for text in request.args.getlist("sensors") for part in text[:_MOST_TEXT].split(",")]
    numbers = [int(one) for one in found if one.isascii() and one.isdecimal() and len(one) <= _ID_DIGITS]
    return list(dict.fromkeys(numbers))


def _paths() -> list[str]:
    """Each region once: a `region` is one path, `regions` are some with commas between."""
    given = [path for text in request.args.getlist("regions") for path in text[:_MOST_TEXT].split(",")]
    given = [
        path.strip().strip("/") for path in [*given, *(text[:_MOST_TEXT] for text in request.args.getlist("region"))]
    ]
    return list(dict.fromkeys(path for path in given if path and path.isprintable()))
