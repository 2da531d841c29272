"""The page on which a household takes its own files into its sensor, after a preview, and takes them back."""

import base64
import binascii
from datetime import datetime
from typing import Any

from flask import Response, flash, redirect, render_template, url_for
from flask_babel import gettext, lazy_gettext
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response as BaseResponse
from wtforms import HiddenField, StringField, SubmitField, TextAreaField
from wtforms.validators import Length

from ..rules.errors import RemoteError
from ..rules.reasons import Reason
from ..use import imports
from ..use.imports import Taken
from ..web.context import the_actor, the_site
from ..web.guard import Need, needs
from ..web.languages import said, sentence, the_language
from .blueprint import pages


class ImportForm(FlaskForm):  # type: ignore[misc]
    """A file as text, or, packed by the browser's script, in `packed`."""

    name = StringField(
        lazy_gettext("What the file is called"), [Length(max=imports.MOST_NAME)], render_kw={"autocomplete": "off"}
    )
    text = TextAreaField(lazy_gettext("Its text"), render_kw={"rows": 6, "spellcheck": "false"})
    packed = HiddenField()
    preview = SubmitField(lazy_gettext("Preview"))
    take = SubmitField(lazy_gettext("Take it in"))

    def content(self) -> bytes:
        """The file. Raises RemoteError."""
        if not self.packed.data:
            return str(self.text.data or "").encode()
        try:
            return imports.unpacked(base64.b64decode(self.packed.data, validate=True))
        except (binascii.Error, ValueError):
            raise RemoteError("import-gzip") from None


@pages.route("/sensors/<int:sensor_id>/imports", methods=["GET", "POST"])
@needs(Need.LOGIN)
def sensor_imports(sensor_id: int) -> BaseResponse:
    """What was taken in, and a form: a preview first, with a button that takes it in."""
    site, actor = the_site(), the_actor()
    there = imports.all_of(site, actor, sensor_id)
    form, status = ImportForm(), 200
    would: Taken | None = None
    if form.validate_on_submit():
        try:
            content = form.content()
            if form.take.data:
                taken = imports.take(site, actor, sensor_id, content, form.name.data or "")
                flash(
                    gettext("This file is in already.")
                    if taken.known
                    else the_language().say_many(
                        "{count} reading is taken in.", "{count} readings are taken in.", taken.readings
                    ),
                    "success",
                )
                return redirect(url_for("pages.sensor_imports", sensor_id=sensor_id))
            would = imports.preview(site, actor, sensor_id, content)
        except RemoteError as error:
            form.form_errors.append(sentence(error))
            status = 400
    elif form.errors:
        status = 400
    page = render_template(
        "imports.html",
        sensor_id=sensor_id,
        form=form,
        would=would,
        can_take=would is not None and not would.known and not would.bad and would.readings > 0,
        rows=[(one, _span(one.first_s, one.last_s)) for one in there],
        span=_span,
        why=_why,
    )
    return Response(page, status)


@pages.post("/sensors/<int:sensor_id>/imports/<int:number>/back")
@needs(Need.LOGIN)
def take_import_back(sensor_id: int, number: int) -> BaseResponse:
    """Takes one back."""
    days = imports.take_back(the_site(), the_actor(), sensor_id, number)
    left = gettext("Of %(days)s days sums stay, for their readings are deleted.", days=days) if days else ""
    flash(" ".join((gettext("What that file brought is gone."), left)).strip(), "success")
    return redirect(url_for("pages.sensor_imports", sensor_id=sensor_id))


def _why(one: Any) -> str:
    """A reason as a part of a sentence, an error as a sentence."""
    return said(one) if isinstance(one, Reason) else sentence(one)


def _span(first_s: int, last_s: int) -> str:
    first, last = (datetime.fromtimestamp(time_s, the_site().days.zone) for time_s in (first_s, last_s))
    return gettext("%(first)s to %(last)s", first=f"{first:%Y-%m-%d %H:%M}", last=f"{last:%Y-%m-%d %H:%M}")
