"""The page "Set up": leads whoever runs a new remote to the first reading, and takes in later relays and sensors the same way."""

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from flask_babel import gettext, lazy_gettext
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response as BaseResponse
from wtforms import StringField, SubmitField, TextAreaField
from wtforms.validators import InputRequired, Length

from ..rules.days import ZONES
from ..rules.errors import RemoteError
from ..use import enrolment, setting_up
from ..web.context import the_actor, the_site
from ..web.guard import Need, needs
from ..web.languages import sentence, the_language

setup_pages = Blueprint("setup_pages", __name__, url_prefix="/setup")

_CODE_HOURS = 24
_MOST_TEXT = 60_000  # of some 150 sensors; more at a time come in by a command


class SiteForm(FlaskForm):  # type: ignore[misc]
    """What the site is called, and where it is."""

    name = StringField(
        lazy_gettext("Name"),
        [InputRequired(), Length(max=setting_up.MOST_NAME)],
        description=lazy_gettext("It stands above every page, such as the town's or the building's."),
        render_kw={"autocomplete": "organization"},
    )
    zone = StringField(
        lazy_gettext("Time zone"),
        [Length(max=100)],
        description=lazy_gettext(
            "Days and months of sums begin by it. It can be chosen until the first reading comes."
        ),
        render_kw={"list": "zones", "autocomplete": "off", "spellcheck": "false"},
    )
    keep = SubmitField(lazy_gettext("Keep it"))


class RelayForm(FlaskForm):  # type: ignore[misc]
    """A new relay."""

    name = StringField(
        lazy_gettext("Name"),
        [InputRequired(), Length(max=64)],
        description=lazy_gettext("Such as where it stands."),
        render_kw={"autocomplete": "off"},
    )
    make = SubmitField(lazy_gettext("Make a code"))


class SensorForm(FlaskForm):  # type: ignore[misc]
    """Sensors that were flashed."""

    text = TextAreaField(
        lazy_gettext("The enrolment file"),
        [InputRequired(), Length(max=_MOST_TEXT)],
        render_kw={"rows": 4, "spellcheck": "false", "class": "font-monospace small"},
    )
    take = SubmitField(lazy_gettext("Take them in"))


@setup_pages.get("")
@needs(Need.OPERATOR)
def setup() -> Response:
    """What is done, and what is next."""
    return _page()


@setup_pages.post("/site")
@needs(Need.OPERATOR)
def describe() -> BaseResponse:
    """Keeps the name and the time zone."""
    form = SiteForm()
    if form.validate_on_submit():
        try:
            setting_up.describe(the_site(), the_actor(), form.name.data or "", form.zone.data or None)
        except RemoteError as error:
            (form.zone if error.code.startswith("zone") else form.name).errors = [sentence(error)]
        else:
            return redirect(url_for("setup_pages.setup"))
    return _page(status=400, site_form=form)


@setup_pages.post("/relay")
@needs(Need.OPERATOR)
def relay_code() -> BaseResponse:
    """A one-time code for a relay, which is shown in the answer and never again."""
    form = RelayForm()
    if form.validate_on_submit():
        try:
            made = enrolment.make_code(the_site(), the_actor(), form.name.data or "", _CODE_HOURS)
        except RemoteError as error:
            form.name.errors = [sentence(error)]
        else:
            return _page(code=made.code, name=form.name.data)
    return _page(status=400, relay_form=form)


@setup_pages.post("/sensors")
@needs(Need.OPERATOR)
def take_sensors() -> BaseResponse:
    """Takes in the sensors of an enrolment file."""
    form = SensorForm()
    if form.validate_on_submit():
        try:
            done = enrolment.import_text(the_site(), the_actor(), form.text.data or "").done
        except RemoteError as error:
            form.text.errors = [sentence(error)]
        else:
            said = the_language().say_many("{count} sensor is taken in.", "{count} sensors are taken in.", len(done))
            flash(said, "success")
            return redirect(url_for("setup_pages.setup"))
    return _page(status=400, sensor_form=form)


def _page(
    status: int = 200,
    code: str = "",
    name: str | None = "",
    site_form: SiteForm | None = None,
    relay_form: RelayForm | None = None,
    sensor_form: SensorForm | None = None,
) -> Response:
    site, actor = the_site(), the_actor()
    found = setting_up.progress(site, actor)
    page = render_template(
        "setup.html",
        found=found,
        site_form=site_form or SiteForm(formdata=None, name=found.name, zone=found.zone),
        relay_form=relay_form or RelayForm(formdata=None),
        sensor_form=sensor_form or SensorForm(formdata=None),
        zones=sorted(ZONES) if found.zone_open else [],
        code=code,
        relay_name=name,
        hours=_CODE_HOURS,
        address=site.settings.public_url or request.host_url,
        key=enrolment.public_text(site, actor),
        title=gettext("Set up"),
    )
    return Response(page, status)
