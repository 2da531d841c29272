"""The pages: login, the list of the user's sensors, a sensor with its load chart."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from flask import Blueprint, Response, abort, flash, redirect, render_template, request, session, url_for
from flask_login import UserMixin, current_user, login_user, logout_user
from flask_wtf import FlaskForm
from gridecho.quantities import POWER_IMPORT
from werkzeug.wrappers import Response as BaseResponse
from wtforms import HiddenField, PasswordField, StringField, SubmitField
from wtforms.validators import EqualTo, InputRequired, Length

from ..rules.units import ago, label, obis, scales, shown, shown_power, told, unit
from ..store import orders, timeline, users
from ..use import shared, undated
from ..web.context import the_site
from ..web.devices import remember_device

pages = Blueprint("pages", __name__)
_LIVE_S = 120
PAGE_SENSORS = 100


@dataclass
class SessionUser(UserMixin):  # type: ignore[misc]
    """The person behind a request, for flask-login."""

    id: int
    name: str
    must_change: bool
    session: str
    admin: bool

    def get_id(self) -> str:
        """What the cookie holds: a new password makes a new session string, and the old cookies end."""
        return f"{self.id}.{self.session}"


class LoginForm(FlaskForm):  # type: ignore[misc]
    """Name and password; `next` is the page that was asked for."""

    name = StringField(
        "Name",
        [InputRequired(), Length(max=100)],
        # A phone's keyboard would begin the name with a capital.
        render_kw={"autocomplete": "username", "autofocus": True, "autocapitalize": "none", "spellcheck": "false"},
    )
    password = PasswordField("Password", [InputRequired()], render_kw={"autocomplete": "current-password"})
    next = HiddenField()
    submit = SubmitField("Log in")


class PasswordForm(FlaskForm):  # type: ignore[misc]
    """A new password, twice, and the present one: who finds a browser logged in must not take the account over."""

    # Tells password managers whose password this is.
    name = StringField("Name", render_kw={"autocomplete": "username", "readonly": True})
    present = PasswordField("Present password", [InputRequired()], render_kw={"autocomplete": "current-password"})
    password = PasswordField(
        "New password",
        [InputRequired(), Length(users.MIN_PASSWORD, users.MAX_PASSWORD)],
        description=f"At least {users.MIN_PASSWORD} characters. A few words that only you would put together are good.",
        render_kw={"autocomplete": "new-password", "autofocus": True},
    )
    again = PasswordField(
        "The same again",
        [InputRequired(), EqualTo("password", "The two are not the same.")],
        render_kw={"autocomplete": "new-password"},
    )
    submit = SubmitField("Set password")


def load_user(cookie: str) -> SessionUser | None:
    """The user of a session cookie's content, if the session still holds."""
    number, _, token = cookie.partition(".")
    person = users.find_person(the_site().archive, int(number)) if number.isdecimal() else None
    if person is None or person.session != token:
        return None
    return _session_user(person)


def ask_to_log_in() -> Response:
    """What anonymous visitors of a page get: 401, and the login form that leads back to it."""
    target = request.full_path.rstrip("?") if request.method == "GET" else ""
    return _login_page(LoginForm(formdata=None, next=target), 401)


@pages.before_request
def let_in() -> BaseResponse | None:
    """No page without a login; whoever came in with a one-time password may only change it or leave."""
    if request.endpoint in ("pages.log_in", "pages.log_out"):
        return None
    if not current_user.is_authenticated:
        return ask_to_log_in()
    if current_user.must_change and request.endpoint != "pages.password":
        return redirect(url_for("pages.password"))
    return None


@pages.route("/login", methods=["GET", "POST"])
def log_in() -> BaseResponse:
    """The login form; 401 with it again for a wrong name or password."""
    if request.method == "GET":
        if current_user.is_authenticated:
            return redirect(url_for("pages.home"))
        return _login_page(LoginForm(), 200)
    form = LoginForm()
    person = None
    if form.validate():
        site = the_site()
        person = users.log_in(site.archive, form.name.data.strip(), form.password.data, site.clock())
    if person is None:
        form.password.errors = [
            "This name and password do not go together, or the one-time password was used or is too old."
        ]
        return _login_page(form, 401)
    session.clear()
    session.permanent = True
    login_user(_session_user(person))
    return remember_device(redirect(_local(form.next.data) or url_for("pages.home")), person.name)


@pages.post("/logout")
def log_out() -> BaseResponse:
    """Ends every session of the user: a copy of the cookie that somebody took must not outlive this."""
    if current_user.is_authenticated:
        users.end_sessions(the_site().archive, current_user.id)
    logout_user()
    session.clear()
    return redirect(url_for("pages.log_in"))


@pages.route("/password", methods=["GET", "POST"])
def password() -> BaseResponse:
    """Sets a new password; the user's other sessions end."""
    form = PasswordForm()
    form.name.data = current_user.name
    if current_user.must_change:
        del form.present  # the one-time password was given a moment ago and is used up
    if form.validate_on_submit():
        archive = the_site().archive
        if form.present and not users.check_password(archive, current_user.id, form.present.data):
            form.present.errors = ["This is not your present password."]
            return Response(render_template("password.html", form=form), 401)
        person = users.change_password(archive, current_user.id, form.password.data)
        login_user(_session_user(person))
        flash("Your new password is set.", "success")
        return redirect(url_for("pages.home"))
    return Response(render_template("password.html", form=form), 400 if form.errors else 200)


@pages.get("/")
def home() -> str:
    """My sensors: what is newest of each."""
    site = the_site()
    now_s = site.clock()
    after = max(-1, min(request.args.get("after", -1, type=int), 1 << 32))
    found = shared.sensors(site.archive, current_user.id, now_s, after, PAGE_SENSORS + 1)
    rows = [_row(shared.overview(site.archive, one, now_s), now_s) for one in found[:PAGE_SENSORS]]
    more = found[PAGE_SENSORS - 1].id if len(found) > PAGE_SENSORS else None
    return render_template("home.html", rows=rows, more=more, paged=after >= 0)


@pages.get("/sensors/<int:sensor_id>")
def sensor(sensor_id: int) -> str:
    """A sensor's load chart."""
    site = the_site()
    now_s = site.clock()
    one = shared.sensor(site.archive, current_user.id, sensor_id, now_s) if sensor_id < 1 << 32 else None
    if one is None:
        abort(404)
    extent = timeline.extent(site.archive, one.id, one.mask, now_s)
    quantities = [{"obis": obis(code), "unit": unit(code), "label": label(code)} for code in one.codes]
    chosen = obis(POWER_IMPORT) if POWER_IMPORT in one.codes else quantities[0]["obis"] if quantities else ""
    chart = {
        "readings": url_for("api.readings", sensor_id=one.id),
        "csv": url_for("api.readings_csv", sensor_id=one.id),
        "undated": url_for("api.undated_csv", sensor_id=one.id),
        "quantities": quantities,
        "scales": scales(),
        "first": extent and extent[0],
        "last": extent and extent[1],
        "now": now_s,
        "zone": site.settings.time_zone,
    }
    return render_template(
        "sensor.html",
        row=_row(shared.overview(site.archive, one, now_s), now_s),
        undated=undated.count(site.archive, one.id, one.mask),
        chosen=chosen,
        chart=chart,
        state=told(orders.sensor_state(site.archive, one.id)),
    )


def _row(overview: shared.Overview, now_s: float) -> dict[str, Any]:
    """An overview in the words of the pages."""
    latest, route = overview.latest, overview.route
    power = overview.power_w
    age_s = now_s - latest.time_s if latest else None
    state = "waiting" if age_s is None else "live" if age_s < _LIVE_S else "quiet"
    return {
        "sensor": overview.sensor,
        "power": None if power is None else shown_power(power),
        "ahead_until_s": overview.ahead_until_s,
        "seen_s": latest.time_s if latest else None,
        "seen": None if age_s is None else ago(age_s),
        "state": state,
        "relay": (overview.relay_name or f"relay {route.relay_id}") if route else None,
        "rtt": shown(route.rtt_us, "us") if route else None,
    }


def _session_user(person: users.Person) -> SessionUser:
    return SessionUser(person.id, person.name, person.must_change, person.session, bool(person.admin))


def _login_page(form: LoginForm, status: int) -> Response:
    return Response(render_template("login.html", form=form, action=url_for("pages.log_in")), status)


def _local(target: str | None) -> str | None:
    """The target if it is a path of this remote: a login form must not lead elsewhere."""
    if not target or not target.startswith("/") or target.startswith(("//", "/\\")):
        return None
    parts = urlsplit(target)
    return None if parts.scheme or parts.netloc else target
