"""The pages of second factors: the code at a login, setting it up, new codes for when the phone is lost, and the end of it."""

import segno
from flask import Response, flash, redirect, render_template, request, url_for
from flask_babel import gettext, lazy_gettext
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response as BaseResponse
from wtforms import HiddenField, StringField, SubmitField
from wtforms.validators import InputRequired, Length

from ..rules.errors import UnprovenError
from ..use import people, second
from ..web.context import the_actor, the_site
from ..web.guard import Need, needs
from ..web.half import half
from ..web.languages import sentence
from .blueprint import pages
from .entering import entered


class CodeForm(FlaskForm):  # type: ignore[misc]
    """A code of the phone, or one for when it is lost."""

    code = StringField(
        lazy_gettext("Code"),
        [InputRequired(), Length(max=40)],
        render_kw={"autocomplete": "one-time-code", "autofocus": True, "autocapitalize": "none", "spellcheck": "false"},
    )
    next = HiddenField()
    submit = SubmitField(lazy_gettext("Go on"))


@pages.route("/login/code", methods=["GET", "POST"])
@needs(Need.NOTHING)
def code() -> BaseResponse:
    """The code, of who has shown their password a moment ago; 401 for a wrong one."""
    shown = half()
    if shown is None:
        return redirect(url_for("pages.log_in"))
    form = CodeForm()
    if request.method == "GET":
        form.next.data = request.args.get("next", "")
        return _code_page(form, 200)
    one = people.find(the_site(), shown.id) if form.validate() else None
    if one is None or not second.completes(the_site(), one, form.code.data):
        form.code.errors = [sentence(UnprovenError("second-wrong"))]
        return _code_page(form, 401)
    return entered(one, shown.how, form.next.data, second=True)


@pages.post("/account/second/prepare")
@needs(Need.PERSON)
def prepare_second() -> BaseResponse:
    """A new secret."""
    second.prepare(the_site(), the_actor())
    return redirect(url_for("pages.second_factor"))


@pages.route("/account/second", methods=["GET", "POST"])
@needs(Need.PERSON)
def second_factor() -> BaseResponse:
    """The secret as a picture, and the first code of it; once there is a second factor, new codes or the end of it."""
    site, actor = the_site(), the_actor()
    found = second.mine(site, actor)
    if found is None:
        return redirect(url_for("pages.account"))
    form, status = CodeForm(), 200
    if form.validate_on_submit():
        try:
            if found.since_s is None:
                return _codes_page(second.confirm(site, actor, form.code.data))
            if "end" in request.form:
                second.end(site, actor, form.code.data)
                flash(gettext("Your password alone logs you in again."), "success")
                return redirect(url_for("pages.account"))
            return _codes_page(second.new_codes(site, actor, form.code.data))
        except UnprovenError as error:
            form.code.errors, status = [sentence(error)], 401
    elif form.errors:
        status = 400
    if found.since_s is not None:
        return Response(render_template("second.html", form=form, second=found), status)
    address = second.address(site, actor)
    picture = segno.make(address, error="m").svg_data_uri(scale=5, border=3, light="white")
    secret = address.partition("secret=")[2].partition("&")[0]
    page = render_template("second_setup.html", form=form, picture=picture, secret=secret, address=address)
    return Response(page, status)


def _codes_page(codes: list[str]) -> Response:
    return Response(render_template("second_codes.html", codes=codes))


def _code_page(form: CodeForm, status: int) -> Response:
    return Response(render_template("code.html", form=form), status)
