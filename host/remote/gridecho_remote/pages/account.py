"""The pages of one's own account: logging in and out, and a new password. What a page needs is said at its route."""

from flask import Response, flash, redirect, render_template, request, session, url_for
from flask_babel import gettext, lazy_gettext
from flask_login import current_user, logout_user
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response as BaseResponse
from wtforms import HiddenField, PasswordField, StringField, SubmitField
from wtforms.validators import EqualTo, InputRequired, Length

from ..use import openid, people
from ..use.sessions import How
from ..web.context import the_actor, the_site
from ..web.guard import Need, needs
from ..web.sessions import POLL_HEADER, take_token
from .blueprint import pages
from .entering import let_in

_MOST_TARGET = 2_000  # letters of a page's address that a login leads back to


class LoginForm(FlaskForm):  # type: ignore[misc]
    """Name and password; `next` is the page that was asked for."""

    name = StringField(
        lazy_gettext("Name"),
        [InputRequired(), Length(max=100)],
        # A phone's keyboard would begin the name with a capital.
        render_kw={"autocomplete": "username", "autofocus": True, "autocapitalize": "none", "spellcheck": "false"},
    )
    password = PasswordField(
        lazy_gettext("Password"), [InputRequired()], render_kw={"autocomplete": "current-password"}
    )
    next = HiddenField()
    submit = SubmitField(lazy_gettext("Log in"))


class PasswordForm(FlaskForm):  # type: ignore[misc]
    """A new password, twice, and the present one: who finds a browser logged in must not take the account over."""

    # Tells password managers whose password this is.
    name = StringField(lazy_gettext("Name"), render_kw={"autocomplete": "username", "readonly": True})
    present = PasswordField(
        lazy_gettext("Present password"), [InputRequired()], render_kw={"autocomplete": "current-password"}
    )
    password = PasswordField(
        lazy_gettext("New password"),
        [InputRequired(), Length(people.MIN_PASSWORD, people.MAX_PASSWORD)],
        description=lazy_gettext(
            "At least %(count)s characters. A few words that only you would put together are good.",
            count=people.MIN_PASSWORD,
        ),
        render_kw={"autocomplete": "new-password", "autofocus": True},
    )
    again = PasswordField(
        lazy_gettext("The same again"),
        [InputRequired(), EqualTo("password", lazy_gettext("The two are not the same."))],
        render_kw={"autocomplete": "new-password"},
    )
    submit = SubmitField(lazy_gettext("Set password"))


def ask_to_log_in() -> BaseResponse:
    """What who is not logged in gets for a page: they are led to the login form, which leads back to it.

    401 and the form where it is nobody who wanted to see that page: a form that was sent, a page that renews itself.
    """
    if request.method not in ("GET", "HEAD") or POLL_HEADER in request.headers:
        return _login_page(LoginForm(formdata=None), 401)
    target = request.full_path.rstrip("?")
    back = target if target != "/" and len(target) <= _MOST_TARGET else None
    return redirect(url_for("pages.log_in", next=back))


def ask_for_password() -> BaseResponse:
    """What who came in with a one-time password gets for a page."""
    return redirect(url_for("pages.password"))


@pages.route("/login", methods=["GET", "POST"])
@needs(Need.NOTHING)
def log_in() -> BaseResponse:
    """The login form; 401 with it again for a wrong name or password."""
    if request.method == "GET":
        if current_user.is_authenticated:
            return redirect(url_for("pages.home"))
        return _login_page(LoginForm(formdata=None, next=request.args.get("next", "")[:_MOST_TARGET]), 200)
    form = LoginForm()
    found = None
    if form.validate():
        found = people.log_in(the_site(), form.name.data.strip(), form.password.data)
    if found is None:
        form.password.errors = [
            gettext("This name and password do not go together, or the one-time password was used or is too old.")
        ]
        return _login_page(form, 401)
    return let_in(found, How.PASSWORD, form.next.data)


@pages.post("/logout")
@needs(Need.NOTHING)
def log_out() -> BaseResponse:
    """Ends this session: a copy of the cookie that somebody took does not outlive it."""
    if current_user.is_authenticated:
        people.log_out(the_site(), current_user.actor, current_user.session_id)
    logout_user()
    session.clear()
    return redirect(url_for("pages.log_in"))


@pages.route("/password", methods=["GET", "POST"])
@needs(Need.ACCOUNT)
def password() -> BaseResponse:
    """Sets a new password; the user's other sessions end."""
    form = PasswordForm()
    form.name.data = current_user.name
    if current_user.must_change:
        del form.present  # the one-time password was given a moment ago and is used up
    if form.validate_on_submit():
        if form.present and not people.is_password(the_site(), the_actor(), form.present.data):
            form.present.errors = [gettext("This is not your present password.")]
            return Response(render_template("password.html", form=form), 401)
        take_token(people.set_password(the_site(), the_actor(), form.password.data, current_user.session_id))
        flash(gettext("Your new password is set."), "success")
        return redirect(url_for("pages.home"))
    return Response(render_template("password.html", form=form), 400 if form.errors else 200)


def _login_page(form: LoginForm, status: int) -> Response:
    site = the_site()
    ways = {"openid": openid.is_there(site), "open_accounts": site.settings.open_accounts}
    return Response(render_template("login.html", form=form, action=url_for("pages.log_in"), **ways), status)
