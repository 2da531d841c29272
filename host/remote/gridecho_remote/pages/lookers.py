"""The pages "Who looked at my meter": of the meters whose readings are or were somebody's own."""

from datetime import datetime

from flask import redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response as BaseResponse

from ..use import lookers
from ..use.lookers import Look
from ..web.context import the_actor, the_site
from ..web.guard import Need, needs
from ..web.languages import the_language
from .blueprint import pages
from .language import label

_MOST_NUMBER = (1 << 62) - 1
_EVER_S = 1 << 32


@pages.get("/looks")
@needs(Need.PERSON)
def my_meters() -> BaseResponse | str:
    """One's meters, or at once the only one."""
    meters = lookers.mine(the_site(), the_actor())
    if len(meters) == 1:
        return redirect(url_for("pages.looks", sensor_id=meters[0].sensor_id))
    return render_template("meters.html", meters=meters)


@pages.get("/looks/<int:sensor_id>")
@needs(Need.PERSON)
def looks(sensor_id: int) -> str:
    """Looks at one of them, the newest first."""
    site, actor = the_site(), the_actor()
    before = max(0, min(request.args.get("before", 0, type=int), _MOST_NUMBER))
    found, more = lookers.looks_at(site, actor, sensor_id, before)
    meter = next(one for one in lookers.mine(site, actor) if one.sensor_id == sensor_id)
    return render_template(
        "looks.html",
        meter=meter,
        looks=[(one, way(one), [_span(*span) for span in one.spans]) for one in found],
        spans=[_span(one.from_s, one.until_s or _EVER_S) for one in meter.contracts],
        sums=[] if before else lookers.sums_over(site, actor, sensor_id),
        label=label,
        before=before,
        more=more,
    )


def way(one: Look) -> str:
    """At what somebody looked, and how."""
    say = the_language().say
    what = say(one.what)
    if one.by:
        what = say("{what} by {period}", what=what, period=say(one.by))
    if one.application is not None:
        return say("{what} by the application {name}", what=what, name=one.application)
    if one.program:
        return say("{what} by a program", what=what)
    return say("{what} as a file", what=what) if one.export else say("{what} on a page", what=what)


def _span(from_s: int, to_s: int) -> str:
    if from_s == 0 and to_s >= _EVER_S:
        return gettext("of all times")
    if to_s >= _EVER_S:
        return gettext("from %(first)s on", first=_moment(from_s))
    if from_s == 0:
        return gettext("before %(last)s", last=_moment(to_s))
    return gettext("%(first)s to %(last)s", first=_moment(from_s), last=_moment(to_s))


def _moment(time_s: int) -> str:
    return f"{datetime.fromtimestamp(time_s, the_site().days.zone):%Y-%m-%d %H:%M}"
