"""What of one's own a program is to see: the fields that tokens and consents to applications have in common."""

from flask_babel import lazy_gettext
from flask_wtf import FlaskForm
from gridecho.registers import QUANTITIES
from wtforms import BooleanField, IntegerField, SelectChoice, SelectField, SelectMultipleField
from wtforms.validators import InputRequired, NumberRange

from ..rules.scopes import METERED, Resolution, Scope
from ..rules.units import label
from ..use.sensors import SharedSensor
from ..use.tokens import MOST_DAYS

HOW_FINE = {
    Resolution.RAW: lazy_gettext("every reading"),
    Resolution.QUARTER: lazy_gettext("by quarter of an hour"),
    Resolution.HOUR: lazy_gettext("by hour"),
    Resolution.DAY: lazy_gettext("by day"),
    Resolution.MONTH: lazy_gettext("by month"),
}


class PartForm(FlaskForm):  # type: ignore[misc]
    """A part of what somebody sees, and for how long; `offer` says of which sensors."""

    sensors = SelectMultipleField(lazy_gettext("Sensors"), description=lazy_gettext("None chosen: all that you see."))
    quantities = SelectMultipleField(
        lazy_gettext("Quantities"),
        choices=[SelectChoice(str(code), lazy_gettext(label(code))) for code in QUANTITIES],
        description=lazy_gettext("None chosen: all."),
    )
    resolution = SelectField(
        lazy_gettext("How finely"), choices=[SelectChoice(one.name, said) for one, said in HOW_FINE.items()]
    )
    export = BooleanField(lazy_gettext("as files, too"))
    live = BooleanField(lazy_gettext("as they come, too"))
    days = IntegerField(
        lazy_gettext("For how many days"),
        [InputRequired(), NumberRange(1, MOST_DAYS)],
        default=90,
        render_kw={"autocomplete": "off"},
    )

    def offer(self, found: list[SharedSensor]) -> None:
        """The sensors among which is chosen."""
        self.sensors.choices = [SelectChoice(str(one.id), f"{one.name} ({one.id})") for one in found]

    def part(self) -> Scope:
        """What was chosen."""
        chosen = frozenset(int(one) for one in self.sensors.data or ())
        return Scope(
            sensors=chosen or None,
            quantities=sum(1 << int(code) for code in self.quantities.data or ()) or METERED,
            resolution=Resolution[self.resolution.data],
            export=self.export.data,
            live=self.live.data,
        )
