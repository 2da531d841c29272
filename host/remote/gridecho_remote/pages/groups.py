"""The operators' pages of groups: the list, a group with its loads and its history, and the forms that change them."""

from datetime import datetime
from typing import Any

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext, lazy_gettext
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response as BaseResponse
from wtforms import IntegerField, StringField, SubmitField
from wtforms.validators import InputRequired, Length, NumberRange, Optional, ValidationError

from ..rules.errors import NotFoundError, RemoteError
from ..use import groups, quarantine
from ..web.context import the_actor, the_site
from ..web.guard import Need, needs
from ..web.languages import said, sentence

group_pages = Blueprint("group_pages", __name__, url_prefix="/groups")
_MOST_JOINING = 1_000


class _Whole(NumberRange):  # type: ignore[misc]
    """Of numbers; that of wtforms takes them for floats, which a number of 400 digits cannot be."""

    def __call__(self, form: object, field: IntegerField) -> None:
        if field.data is None or not self.min <= field.data <= self.max:
            raise ValidationError(self.message)


_WHOLE = _Whole(1, 1_000_000_000, lazy_gettext("A whole number from 1 to 1,000,000,000 was expected."))


class SettingsForm(FlaskForm):  # type: ignore[misc]
    """When a term ends, and how long a sampling period is."""

    after_s = IntegerField(lazy_gettext("A term ends after, s"), [Optional(), _WHOLE], default=3600)
    after_forwards = IntegerField(lazy_gettext("or after so many forwards"), [Optional(), _WHOLE])
    period_s = IntegerField(lazy_gettext("Sampling period, s"), [InputRequired(), _WHOLE], default=60)
    submit = SubmitField(lazy_gettext("Save"))


class GroupForm(SettingsForm):
    """A new group."""

    name = StringField(lazy_gettext("Name"), [InputRequired(), Length(max=64)])
    submit = SubmitField(lazy_gettext("Make group"))


@group_pages.app_template_filter("local")
def local(time_ms: int) -> str:
    """Milliseconds as date and time of the site's zone, with its offset then."""
    zone = the_site().days.zone
    return datetime.fromtimestamp(time_ms // 1000, zone).isoformat(" ")


@group_pages.route("", methods=["GET", "POST"])
@needs(Need.OPERATOR)
def all_groups() -> BaseResponse | str | tuple[str, int]:
    """The list, and a form for a new group."""
    form = GroupForm()
    if form.validate_on_submit():
        values = form.after_s.data, form.after_forwards.data, form.period_s.data
        try:
            made = groups.add(the_site(), the_actor(), form.name.data, *values)
        except RemoteError as error:
            form.name.errors = [sentence(error)]
        else:
            return redirect(url_for("group_pages.group", group_id=made.id))
    site, actor = the_site(), the_actor()
    shown = groups.all_groups(site, actor)
    page = render_template("groups.html", groups=shown, alarms=quarantine.alarms(site, actor), form=form)
    return (page, 400) if form.errors else page


@group_pages.get("/<int:group_id>")
@needs(Need.OPERATOR)
def group(group_id: int) -> str:
    """A group; `term` shows the histograms of a past term, `before` the history before a term."""
    site, actor = the_site(), the_actor()
    shown = groups.show(site, actor, str(group_id), _number("before"))
    number = _number("term")
    past = None if number is None else groups.show_term(site, actor, str(group_id), number)
    settings = SettingsForm(formdata=None, data={k: shown[k] for k in ("after_s", "after_forwards", "period_s")})
    return render_template(
        "group.html",
        group=shown,
        past=past,
        histograms=past["histograms"] if past else shown["histograms"],
        outside=groups.relays_outside(site, actor),
        settings=settings,
        now_ms=site.now_ms(),
        paged="before" in request.args,
    )


@group_pages.post("/<int:group_id>/settings")
@needs(Need.OPERATOR)
def change(group_id: int) -> BaseResponse:
    """A new rotation condition and sampling period."""
    form = SettingsForm()
    if not form.validate():
        return _refused(group_id, next(iter(form.errors.values()))[0])

    def work() -> str:
        values = {name: form[name].data for name in ("after_s", "after_forwards", "period_s")}
        groups.change(the_site(), the_actor(), str(group_id), **values)
        return gettext("Saved. A new sampling period counts from the next term on.")

    return _done(group_id, work)


@group_pages.post("/<int:group_id>/join")
@needs(Need.OPERATOR)
def join(group_id: int) -> BaseResponse:
    """Puts relays into the group: numbers, between blanks or commas."""
    words = " ".join(request.form.getlist("relays")).replace(",", " ").split()
    if not words or len(words) > _MOST_JOINING or not all(_is_id(word) for word in words):
        return _refused(group_id, gettext("Numbers of relays were expected, such as 3 or 3, 4, 7."))

    def work() -> str:
        groups.join(the_site(), the_actor(), str(group_id), [int(word) for word in words])
        return gettext("In the group now: relay %(numbers)s.", numbers=", ".join(words))

    return _done(group_id, work)


@group_pages.post("/<int:group_id>/leave/<int:relay_id>")
@needs(Need.OPERATOR)
def leave(group_id: int, relay_id: int) -> BaseResponse:
    """Takes a relay out of the group."""

    def work() -> str:
        groups.leave(the_site(), the_actor(), str(group_id), [min(relay_id, 1 << 32)])
        return gettext("Relay %(number)s is not in the group any more.", number=relay_id)

    return _done(group_id, work)


@group_pages.post("/<int:group_id>/rotate")
@needs(Need.OPERATOR)
def rotate(group_id: int) -> BaseResponse:
    """Ends the present term."""

    def work() -> str:
        after = groups.rotate(the_site(), the_actor(), str(group_id))
        return gettext(
            "Term %(number)s began: relay %(proxy)s is the proxy, %(why)s.",
            number=after.number,
            proxy=after.proxy,
            why=said(after.why),
        )

    return _done(group_id, work)


@group_pages.post("/<int:group_id>/remove")
@needs(Need.OPERATOR)
def remove(group_id: int) -> BaseResponse:
    """Removes the group and its history."""
    name = groups.remove(the_site(), the_actor(), str(group_id))
    flash(gettext("Removed the group %(name)s.", name=name), "success")
    return redirect(url_for("group_pages.all_groups"))


def _done(group_id: int, work: Any) -> BaseResponse:
    """Does it, and leads back to the group with what came of it."""
    try:
        flash(work(), "success")
    except NotFoundError:
        raise
    except RemoteError as error:
        return _refused(group_id, sentence(error))
    return redirect(url_for("group_pages.group", group_id=group_id))


def _refused(group_id: int, why: str) -> BaseResponse:
    flash(why, "danger")
    return redirect(url_for("group_pages.group", group_id=group_id))


def _number(name: str) -> int | None:
    """A number in the address; what is none of a term's leads nowhere."""
    text = request.args.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) <= 18):
        abort(404)
    return int(text)


def _is_id(word: str) -> bool:
    return word.isascii() and word.isdecimal() and len(word) <= 10 and 0 < int(word) < 1 << 32
