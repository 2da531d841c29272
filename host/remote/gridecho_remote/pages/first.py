"""The page where the first administrator makes their account, by the link that the remote's terminal shows."""

from flask import Response, flash, render_template, url_for
from flask_babel import gettext, lazy_gettext
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response as BaseResponse
from wtforms import PasswordField, StringField, SubmitField
from wtforms.validators import EqualTo, InputRequired, Length

from ..rules.errors import NotFoundError, RemoteError, UnprovenError
from ..use import first, people
from ..use.sessions import How
from ..web.context import the_site
from ..web.guard import Need, needs
from ..web.languages import sentence
from .blueprint import pages
from .entering import entered


class AccountForm(FlaskForm):  # type: ignore[misc]
    """What a new user has, and a password twice."""

    name = StringField(
        lazy_gettext("Name"),
        [InputRequired(), Length(max=100)],
        render_kw={"autocomplete": "username", "autofocus": True, "autocapitalize": "none", "spellcheck": "false"},
    )
    password = PasswordField(
        lazy_gettext("Password"),
        [InputRequired(), Length(people.MIN_PASSWORD, people.MAX_PASSWORD)],
        description=lazy_gettext(
            "At least %(count)s characters. A few words that only you would put together are good.",
            count=people.MIN_PASSWORD,
        ),
        render_kw={"autocomplete": "new-password"},
    )
    again = PasswordField(
        lazy_gettext("The same again"),
        [InputRequired(), EqualTo("password", lazy_gettext("The two are not the same."))],
        render_kw={"autocomplete": "new-password"},
    )


class FirstForm(AccountForm):
    """With the code of the link, which the page's script fills in."""

    code = StringField(
        lazy_gettext("Code"),
        [InputRequired(), Length(max=100)],
        render_kw={"autocomplete": "off", "spellcheck": "false"},
    )
    submit = SubmitField(lazy_gettext("Make my account"))


@pages.route("/first", methods=["GET", "POST"])
@needs(Need.NOTHING)
def first_account() -> BaseResponse:
    """The form, as long as the link is good and there is no user; afterwards there is nothing here."""
    if not first.waits(the_site()):
        raise NotFoundError("nothing-here")
    form = FirstForm()
    if not form.validate_on_submit():
        return _page(form, 400 if form.errors else 200)
    try:
        made = first.make(the_site(), form.code.data, form.name.data, form.password.data)
    except UnprovenError as error:
        form.code.errors = [sentence(error)]
        return _page(form, 401)
    except RemoteError as error:
        form.name.errors = [sentence(error)]
        return _page(form, 400)
    answer = entered(made, How.ACCOUNT, url_for("setup_pages.setup"))
    flash(gettext("Your account is made. You run this remote's fleet and decide who may see what."), "success")
    return answer


def _page(form: FirstForm, status: int) -> Response:
    return Response(render_template("first.html", form=form), status)
