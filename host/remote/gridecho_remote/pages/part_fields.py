"""What of one's own a program is to see: the fields that tokens and consents to applications have in common."""

from flask_wtf import FlaskForm
from gridecho.registers import QUANTITIES
from wtforms import BooleanField, IntegerField, SelectChoice, SelectField, SelectMultipleField
from wtforms.validators import InputRequired, NumberRange

from ..rules.scopes import METERED, Resolution, Scope
from ..rules.units import label
from ..use.sensors import SharedSensor
from ..use.tokens import MOST_DAYS

HOW_FINE = {
    Resolution.RAW: "every reading",
    Resolution.QUARTER: "by quarter of an hour",
    Resolution.HOUR: "by hour",
    Resolution.DAY: "by day",
    Resolution.MONTH: "by month",
}


class PartForm(FlaskForm):  # type: ignore[misc]
    """A part of what somebody sees, and for how long; `offer` says of which sensors."""

    sensors = SelectMultipleField("Sensors", description="None chosen: all that you see.")
    quantities = SelectMultipleField(
        "Quantities",
        choices=[SelectChoice(str(code), label(code)) for code in QUANTITIES],
        description="None chosen: all.",
    )
    resolution = SelectField("How finely", choices=[SelectChoice(one.name, said) for one, said in HOW_FINE.items()])
    export = BooleanField("as files, too")
    live = BooleanField("as they come, too")
    days = IntegerField(
        "For how many days", [InputRequired(), NumberRange(1, MOST_DAYS)], default=90, render_kw={"autocomplete": "off"}
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
