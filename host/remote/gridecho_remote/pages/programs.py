"""The page "Access for programs": one's tokens, each with what it opens and when it was last used; a new one, and their end."""

from typing import Any

from flask import Response, flash, redirect, render_template, url_for
from flask_babel import gettext, lazy_gettext
from werkzeug.wrappers import Response as BaseResponse
from wtforms import PasswordField, StringField, SubmitField
from wtforms.validators import InputRequired, Length

from ..rules.errors import RemoteError
from ..rules.scope_words import words_of_part
from ..use import people, sensors, tokens
from ..use.tokens import TokenInfo
from ..web.context import the_actor, the_site
from ..web.guard import Need, needs
from ..web.languages import sentence, the_language
from .blueprint import pages
from .language import ago
from .oauth import consent_rows
from .part_fields import PartForm

_MOST_ID = (1 << 31) - 1


class TokenForm(PartForm):
    """A new token, and the password: who finds a browser logged in must not take a key along that outlives the login."""

    name = StringField(
        lazy_gettext("What for"),
        [InputRequired(), Length(max=100)],
        description=lazy_gettext("Such as the program's name; it stands in the list."),
        render_kw={"autocomplete": "off"},
    )
    present = PasswordField(
        lazy_gettext("Your password"), [InputRequired()], render_kw={"autocomplete": "current-password"}
    )
    submit = SubmitField(lazy_gettext("Make a token"))


@pages.route("/account/programs", methods=["GET", "POST"])
@needs(Need.PERSON)
def programs() -> BaseResponse:
    """The tokens, and a form for a new one, which is shown in the answer and never again; 401 for a wrong password."""
    site, actor = the_site(), the_actor()
    form, status = TokenForm(), 200
    form.offer(sensors.mine(site, actor))
    if not people.has_password(site, actor):
        del form.present  # they log in otherwise
    if form.validate_on_submit():
        if form.present and not people.is_password(site, actor, form.present.data):
            form.present.errors, status = [gettext("This is not your password.")], 401
        else:
            try:
                made = tokens.add(site, actor, form.name.data, form.part(), form.days.data)
            except RemoteError as error:
                form.form_errors.append(sentence(error))
                status = 400
            else:
                return Response(render_template("program_made.html", made=made, name=form.name.data))
    elif form.errors:
        status = 400
    rows = [_row(one) for one in tokens.mine(site, actor)]
    return Response(render_template("programs.html", form=form, rows=rows, consents=consent_rows()), status)


@pages.post("/account/programs/<int:number>/end")
@needs(Need.PERSON)
def end_program(number: int) -> BaseResponse:
    """Ends one of the tokens."""
    tokens.end(the_site(), the_actor(), min(number, _MOST_ID))
    flash(gettext("That token has ended."), "success")
    return redirect(url_for("pages.programs"))


def _row(one: TokenInfo) -> dict[str, Any]:
    site = the_site()
    now_s = site.clock()
    return {
        "id": one.id,
        "name": one.name,
        "opens": words_of_part(one.part, site.days.zone, the_language()),
        "expires_ms": one.expires_s * 1000,
        "over": now_s >= one.expires_s,
        "used": gettext("never") if one.used_s is None else ago(max(0, now_s - one.used_s)),
    }
