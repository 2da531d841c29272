"""The page of my sensors: those that the user may see, found by a word, a state, in an order, in pages."""

from flask import render_template, request
from flask_babel import gettext

from ..rules.standing import standing
from ..use import finding
from ..use.finding import SORTS, STATES, Asked
from ..use.standings import live_mask
from ..web.context import the_actor, the_site
from ..web.guard import Need, needs
from .blueprint import pages
from .sensors import row_of

_MOST_PAGE = 1 << 31
_UP_FIRST = ("name", "region")  # by what is sorted upwards, if nothing else is asked for


@pages.get("/sensors")
@needs(Need.PERSON)
def mine() -> str:
    """A page of them: what is newest of each."""
    site = the_site()
    state, sort = request.args.get("state", ""), request.args.get("sort", "")
    sort = sort if sort in SORTS else "name"
    asked = Asked(
        request.args.get("named", "").strip()[: finding.MOST_WORD],
        state if state in STATES else "",
        sort,
        request.args.get("down", "0" if sort in _UP_FIRST else "1") == "1",
        max(1, min(request.args.get("page", 1, type=int), _MOST_PAGE)),
    )
    found = finding.find(site, the_actor(), asked)
    now_s = site.clock()
    rows = []
    for one in found.rows:
        row = row_of(one, now_s)
        row["state"] = standing(row["seen_s"], now_s).word if live_mask(one.sensor.opened) else "hidden"
        rows.append(row)
    kept = {"named": asked.named or None, "state": asked.state or None}
    order = {"sort": asked.sort if asked.sort != "name" or asked.down else None}
    order["down"] = str(int(asked.down)) if order["sort"] else None
    return render_template(
        "sensors.html", rows=rows, found=found, asked=asked, kept=kept, order=order, columns=_columns(asked)
    )


def _columns(asked: Asked) -> list[dict[str, str | None]]:
    """The heads of columns: what each is called, what a click asks for, and how it is sorted by it now."""
    heads = []
    for sort, label in (
        ("name", gettext("Sensor")),
        ("region", gettext("Region")),
        ("power", gettext("Power")),
        ("seen", gettext("Last reading")),
    ):
        is_now = sort == asked.sort
        down = not asked.down if is_now else sort not in _UP_FIRST
        now = ("descending" if asked.down else "ascending") if is_now else None
        heads.append({"sort": sort, "label": label, "down": str(int(down)), "now": now})
    return heads
