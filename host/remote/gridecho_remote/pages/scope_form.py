"""The fields of a form that say what somebody is to see, and the scope that they mean."""

from datetime import date, datetime, time
from typing import Any

from flask_babel import lazy_gettext
from flask_wtf import FlaskForm
from gridecho.registers import QUANTITIES
from wtforms import BooleanField, DateField, IntegerField, SelectChoice, SelectField, SelectMultipleField, StringField
from wtforms.validators import InputRequired, Length, NumberRange, Optional

from ..rules.categories import CATEGORIES
from ..rules.errors import RemoteError
from ..rules.regions import parsed
from ..rules.scopes import METERED, Resolution, Scope
from ..rules.units import codes_of, label
from ..use import requests
from ..web.context import the_site

CHOSEN = ("region", "category", "quantities", "resolution", "first_s", "until_s", "export", "live")  # fields of a scope
_HOW_FINE = {
    Resolution.MONTH: lazy_gettext("by month"),
    Resolution.DAY: lazy_gettext("by day"),
    Resolution.HOUR: lazy_gettext("by hour"),
    Resolution.QUARTER: lazy_gettext("by quarter of an hour"),
    Resolution.RAW: lazy_gettext("every reading"),
}


class ScopeForm(FlaskForm):  # type: ignore[misc]
    """What somebody is to see."""

    region = StringField(
        lazy_gettext("Region"),
        [Length(max=500)],
        description=lazy_gettext('As "province/city": it and all that lies in it.'),
    )
    category = SelectField(
        lazy_gettext("Category"),
        choices=[SelectChoice("", lazy_gettext("all")), *(SelectChoice(one, lazy_gettext(one)) for one in CATEGORIES)],
    )
    quantities = SelectMultipleField(
        lazy_gettext("Quantities"),
        choices=[SelectChoice(str(code), lazy_gettext(label(code))) for code in QUANTITIES],
        description=lazy_gettext("None chosen: all."),
    )
    resolution = SelectField(
        lazy_gettext("How finely"), choices=[SelectChoice(one.name, said) for one, said in _HOW_FINE.items()]
    )
    first = DateField(lazy_gettext("Readings from"), [Optional()])
    last = DateField(lazy_gettext("to, that day included"), [Optional()])
    export = BooleanField(lazy_gettext("as files, too"))
    live = BooleanField(lazy_gettext("as they come, too"))

    def scope(self) -> Scope:
        """The scope that was chosen; dates are the site's. Raises RemoteError."""
        quantities = sum(1 << int(code) for code in self.quantities.data or ())
        return Scope(
            region=parsed(self.region.data) if self.region.data.strip() else None,
            category=self.category.data or None,
            quantities=quantities or METERED,
            resolution=Resolution[self.resolution.data],
            first_s=begin_s(self.first.data),
            until_s=begin_s(self.last.data, 1),
            export=self.export.data,
            live=self.live.data,
        )


class DaysForm(ScopeForm):
    """For how long, too."""

    days = IntegerField(
        lazy_gettext("Access for, days"), [InputRequired(), NumberRange(1, requests.MOST_DAYS)], default=365
    )


def shown(scope: Scope) -> dict[str, Any]:
    """What the fields have for a scope."""
    return {
        "region": scope.region or "",
        "category": scope.category or "",
        "quantities": [] if scope.quantities == METERED else [str(code) for code in codes_of(scope.quantities)],
        "resolution": scope.resolution.name,
        "first": day_of(scope.first_s),
        "last": day_of(scope.until_s, -1),
        "export": scope.export,
        "live": scope.live,
    }


def begin_s(day: date | None, later: int = 0) -> int | None:
    """When a day of the site's begins, or one so many days later. Raises RemoteError."""
    if day is None:
        return None
    try:
        begins = datetime.combine(date.fromordinal(day.toordinal() + later), time(), the_site().days.zone)
        return int(begins.timestamp())
    except (ValueError, OverflowError):  # at the ends of all years
        raise RemoteError("query-date", name="date") from None


def day_of(time_s: int | None, later_s: int = 0) -> date | None:
    """The site's day of a time."""
    return None if time_s is None else datetime.fromtimestamp(time_s + later_s, the_site().days.zone).date()
