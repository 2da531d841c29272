"""The switch of languages in each page's header, and words of pages that have no subject of their own."""

from typing import Any
from urllib.parse import urlsplit

from flask import redirect, request, url_for
from flask_babel import gettext, ngettext
from jinja2.utils import htmlsafe_json_dumps
from markupsafe import Markup
from werkzeug.wrappers import Response as BaseResponse

from ..rules import units
from ..rules.roles import Role
from ..web.context import the_site
from ..web.guard import Need, needs
from ..web.languages import COOKIE, LANGUAGES, the_language
from .blueprint import pages
from .entering import local_target
from .sensor_words import below_the_curve, of_comparing

_YEAR_S = 365 * 24 * 3600


@pages.post("/language")
@needs(Need.NOTHING)
def language() -> BaseResponse:
    """Keeps the language that was chosen in this browser, and leads back. A link cannot do so: it takes the page's own form."""
    # Pages do not say their own address: what is not there and what is not granted look the same.
    came = urlsplit(request.referrer or "")
    target = local_target(f"{came.path}?{came.query}") if came.netloc == request.host else None
    answer = redirect(target or url_for("pages.home"))
    chosen = request.form.get("language", "")
    if chosen in LANGUAGES:
        secure = the_site().settings.secure_cookies
        answer.set_cookie(COOKIE, chosen, _YEAR_S, httponly=True, samesite="Lax", secure=secure)
    return answer


@pages.app_template_filter()
def ago(age_s: float) -> str:
    """How long ago."""
    return units.ago(age_s, the_language())


@pages.app_template_filter()
def rtt(rtt_us: int) -> str:
    """A round trip."""
    return units.shown(rtt_us, "us")


@pages.app_template_filter()
def label(code: int) -> str:
    """What a person calls a quantity."""
    return units.label(code, the_language())


@pages.app_template_filter("role")
def role_words(held: Role) -> str:
    """A role, with its region."""
    say = the_language().say
    return say("{kind} of {region}", kind=say(held.kind), region=held.region) if held.region else say(held.kind)


@pages.app_template_filter()
def condition(group: Any) -> str:
    """When a term of a group of relays ends."""
    parts = []
    if group["after_s"]:
        parts.append(gettext("after %(count)s s", count=the_language().number(group["after_s"])))
    if group["after_forwards"]:
        number = group["after_forwards"]
        shown = the_language().number(number)
        parts.append(ngettext("after %(count)s forward", "after %(count)s forwards", number, count=shown))
    return the_language().say(" or ").join(parts)


@pages.app_template_global()
def script_words(script: str) -> Markup:
    """The words of a page's script, as data that it reads by the id `words`."""
    element = Markup('<script type="application/json" id="words">{}</script>')
    return element.format(htmlsafe_json_dumps(words_of(script)))


def words_of(script: str) -> dict[str, str]:
    """What a script says, by the names that it has for it."""
    made = {"copy": _of_copy, "sensor": _of_sensor, "group": _of_group, "compare": of_comparing}.get(script)
    return made() if made else {}


def _of_copy() -> dict[str, str]:
    return {"copied": gettext("Copied")}


def _of_sensor() -> dict[str, str]:
    return {
        "noAnswer": gettext("The remote does not answer; trying again."),
        "between": gettext("{least} to {greatest}"),
        "nothingYet": gettext(
            "There is nothing to show yet: this sensor has sent nothing, or nothing that is shared with you."
        ),
        "none": gettext("No readings in this span."),
        "thinned": gettext("Thinned: the least and the greatest reading of every {seconds} s. Zoom in for all."),
        "meansHours": gettext("Each point is the mean of {hours} h: single readings are not shared with you."),
        "meansDays": gettext("Each point is the mean of {days} d: single readings are not shared with you."),
        "missingOne": gettext("Missing here: 1 datagram, lost or on a relay still."),
        "missingMany": gettext("Missing here: {count} datagrams, lost or on a relay still."),
        "asking": gettext("Asking relays for what is shaded."),
        "onRelay": gettext("Shaded: on a relay still ({reasons})."),
        "cut": gettext("Too much for one chart: what is before {time} is left out. Choose a shorter span."),
        "zone": gettext("Times are those of {zone}."),
        "zoomedIn": gettext("Double-click to go back."),
        "following": gettext("Drag across the chart to zoom."),
        "curve": gettext(
            "{quantity} from {from} to {to}: {count} readings, the least {least} at {leastTime}, the greatest {greatest} "
            "at {greatestTime}."
        ),
        "curveNone": gettext("{quantity} from {from} to {to}: no readings."),
        "stretchOne": gettext("Readings are missing in 1 stretch."),
        "stretchMany": gettext("Readings are missing in {count} stretches."),
        "told": gettext("Readings come as they are made."),
        "asked": gettext("Readings are asked for every two seconds."),
        "fedIn": gettext("{power} fed in"),
        "aheadUntil": gettext("Up to {time}"),
        "relayNumber": gettext("relay {number}"),
        "secondsAgo": gettext("{count} s ago"),
        "minutesAgo": gettext("{count} min ago"),
        "hoursAgo": gettext("{count} h ago"),
        "daysAgo": gettext("{count} d ago"),
        **below_the_curve(),
    }


def _of_group() -> dict[str, str]:
    return {
        "most": gettext("The first {shown} of {all} relays are drawn."),
        "score": gettext("load score"),
        "proxy": gettext("proxy"),
        "bar": gettext("{count} readings a period"),
        "chart": gettext("{relay}: readings collected in each sampling period, and the curve fitted to them"),
    }
