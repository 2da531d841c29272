"""The page where a stranger makes an account, to ask for access. Where the settings do not want that, there is no such page."""

from flask import Response, flash, render_template, url_for
from flask_babel import gettext, lazy_gettext
from werkzeug.wrappers import Response as BaseResponse
from wtforms import StringField, SubmitField
from wtforms.validators import Length

from ..rules.errors import NotFoundError, RemoteError
from ..use import joining
from ..use.sessions import How
from ..web.context import the_site
from ..web.guard import Need, needs
from ..web.languages import sentence
from .blueprint import pages
from .entering import entered
from .first import AccountForm


class JoinForm(AccountForm):
    """With an address for letters."""

    email = StringField(
        lazy_gettext("E-mail"),
        [Length(max=254)],
        description=lazy_gettext("You are told here what becomes of your request; with an address also by e-mail."),
        render_kw={"autocomplete": "email", "type": "email"},
    )
    submit = SubmitField(lazy_gettext("Make my account"))


@pages.route("/join", methods=["GET", "POST"])
@needs(Need.NOTHING)
def join() -> BaseResponse:
    """The form; with an account one is logged in, and asks for access next."""
    if not the_site().settings.open_accounts:
        raise NotFoundError("nothing-here")
    form = JoinForm()
    if form.validate_on_submit():
        try:
            made = joining.join(the_site(), form.name.data, form.password.data, form.email.data or "")
        except RemoteError as error:
            (form.email if error.code == "email-form" else form.name).errors = [sentence(error)]
        else:
            answer = entered(made, How.ACCOUNT, url_for("request_pages.mine"))
            flash(gettext("Your account is made. Ask for what you need."), "success")
            return answer
    return Response(render_template("join.html", form=form), 400 if form.errors else 200)
