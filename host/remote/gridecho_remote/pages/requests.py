"""The pages of requests for access: one's own with a form for a new one, the administrators' inbox, one with what can be done."""

from collections.abc import Callable
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import lazy_gettext
from werkzeug.wrappers import Response as BaseResponse
from wtforms import StringField, SubmitField, TextAreaField
from wtforms.validators import InputRequired, Length

from ..rules.actor import Actor
from ..rules.errors import RemoteError
from ..rules.scope_words import words
from ..use import notices, requests
from ..use.requests import Claim, RequestInfo, State
from ..use.site import Site
from ..web.context import the_actor, the_site
from ..web.guard import Need, needs
from ..web.languages import said, sentence, the_language
from .scope_form import CHOSEN, DaysForm, shown

request_pages = Blueprint("request_pages", __name__, url_prefix="/requests")


class RequestForm(DaysForm):
    """Who asks, what for, and for what."""

    name = StringField(
        lazy_gettext("Your name"), [InputRequired(), Length(max=200)], render_kw={"autocomplete": "name"}
    )
    organisation = StringField(
        lazy_gettext("Organisation"), [InputRequired(), Length(max=200)], render_kw={"autocomplete": "organization"}
    )
    role = StringField(lazy_gettext("Your role there"), [InputRequired(), Length(max=200)])
    evidence = StringField(
        lazy_gettext("Your number there"),
        [InputRequired(), Length(max=64)],
        description=lazy_gettext("By which a register finds you, such as a staff number."),
    )
    purpose = TextAreaField(lazy_gettext("What for"), [InputRequired(), Length(max=2000)], render_kw={"rows": 3})
    submit = SubmitField(lazy_gettext("Ask"))
    keep = SubmitField(lazy_gettext("Keep as draft"))


class PartForm(DaysForm):
    """What of a request is granted."""

    submit = SubmitField(lazy_gettext("Grant"))


@request_pages.route("", methods=["GET", "POST"])
@needs(Need.PERSON)
def mine() -> BaseResponse | str | tuple[str, int]:
    """One's own requests, what one was told, and a form for a new request."""
    site, actor = the_site(), the_actor()
    form = RequestForm()
    if form.validate_on_submit():
        claim = Claim(form.name.data, form.organisation.data, form.role.data, form.evidence.data)
        try:
            number = requests.draft(site, actor, claim, form.purpose.data, form.scope(), form.days.data)
            if not form.keep.data:
                requests.ask(site, actor, number)
        except RemoteError as error:
            form.form_errors.append(sentence(error))
        else:
            return redirect(url_for("request_pages.one", number=number))
    told = notices.mine(site, actor)
    page = render_template("requests.html", form=form, requests=requests.mine(site, actor), told=told, words=_words)
    if told:
        notices.mark_read(site, actor, told[0].id)
    return (page, 400) if form.errors else page


@request_pages.get("/inbox")
@needs(Need.PERSON)
def inbox() -> str:
    """What is asked of an administrator; with `all`, what was decided, too."""
    site, actor = the_site(), the_actor()
    every = "all" in request.args
    found = requests.inbox(site, actor, list(State)) if every else requests.inbox(site, actor)
    return render_template("inbox.html", requests=found, every=every, words=_words)


@request_pages.get("/<int:number>")
@needs(Need.PERSON)
def one(number: int) -> str:
    """One request."""
    return _page(number)


@request_pages.post("/<int:number>/ask")
@needs(Need.PERSON)
def ask(number: int) -> BaseResponse:
    """Asks what was kept as a draft."""
    return _done(number, requests.ask)


@request_pages.post("/<int:number>/withdraw")
@needs(Need.PERSON)
def withdraw(number: int) -> BaseResponse:
    """Takes one's own request back."""
    return _done(number, requests.withdraw)


@request_pages.post("/<int:number>/verify")
@needs(Need.PERSON)
def verify(number: int) -> BaseResponse:
    """Asks the register who asks."""
    return _done(number, requests.verify)


@request_pages.post("/<int:number>/confirm")
@needs(Need.PERSON)
def confirm(number: int) -> BaseResponse:
    """The administrator knows who asks, and says how."""
    return _done(number, requests.confirm, request.form.get("text", ""))


@request_pages.post("/<int:number>/refuse")
@needs(Need.PERSON)
def refuse(number: int) -> BaseResponse:
    """Refuses, with a reason."""
    return _done(number, requests.refuse, request.form.get("text", ""))


@request_pages.post("/<int:number>/grant")
@needs(Need.PERSON)
def grant(number: int) -> BaseResponse:
    """Grants all of a request, or the part that was chosen."""
    requests.look(the_site(), the_actor(), number)  # of one that is not theirs not even a wrong form is told of
    form = PartForm()
    if not form.validate():
        name, errors = next(iter(form.errors.items()))
        flash(f"{form[name].label.text if name in form else name}: {errors[0]}", "danger")
        return redirect(url_for("request_pages.one", number=number))

    def chosen(site: Site, actor: Actor, number: int) -> None:
        fields = form.scope()._asdict()
        requests.grant(site, actor, number, form.days.data, **{name: fields[name] for name in CHOSEN})

    return _done(number, chosen)


def _page(number: int) -> str:
    site, actor = the_site(), the_actor()
    found = requests.look(site, actor, number)
    decides = actor.administers(requests.region_of(found)) and actor.id != found.user_id
    looked = requests.finding_of(found)
    granted = requests.granted(site, actor, number)
    scope = requests.scope_of(found)
    return render_template(
        "request.html",
        one=found,
        own=actor.id == found.user_id,
        decides=decides,
        open=found.state in requests.OPEN,
        verified=found.state is State.VERIFIED,
        finding=looked,
        why=said(looked[1]) if looked else "",
        asks=_words(found),
        granted=granted and words(granted.scope, None, site.days.zone, language=the_language()),
        became=granted.scope.state(site.clock()) if granted else "",
        would=requests.would_see(site, actor, found) if decides else None,
        register=site.registry is not None,
        form=PartForm(formdata=None, data=shown(scope) | {"days": found.lasts_days}),
    )


def _words(found: RequestInfo) -> str:
    return words(requests.scope_of(found), None, the_site().days.zone, found.lasts_days, the_language())


def _done(number: int, step: Callable[..., Any], *words: str) -> BaseResponse:
    try:
        step(the_site(), the_actor(), number, *words)
    except RemoteError as error:
        if error.code == "request-unknown":
            raise
        flash(sentence(error), "danger")
    return redirect(url_for("request_pages.one", number=number))
