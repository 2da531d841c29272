"""The pages of grants, for who decides on them: the list, giving one after a look at what it would open, narrowing, revoking."""

import json
from hashlib import sha256
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext, lazy_gettext
from werkzeug.wrappers import Response as BaseResponse
from wtforms import DateField, HiddenField, IntegerField, StringField, SubmitField
from wtforms.validators import InputRequired, Length, NumberRange, Optional

from ..rules.categories import labels_of
from ..rules.errors import RemoteError
from ..rules.plain_scopes import said
from ..rules.scope_words import words
from ..rules.scopes import MOST_K, Scope
from ..use import granting
from ..web.context import the_actor, the_site
from ..web.guard import Need, needs
from ..web.languages import sentence, the_language
from .scope_form import CHOSEN, ScopeForm, begin_s, day_of, shown

grant_pages = Blueprint("grant_pages", __name__, url_prefix="/grants")

_STATES = {"": True, "ended": False, "all": None}
_FIELDS = (*CHOSEN, "labels", "sensors", "k", "expires_s")
_MOST_NUMBER = (1 << 32) - 1


class NarrowForm(ScopeForm):
    """What a grant opens, to be made less."""

    labels = StringField(
        lazy_gettext("Labels"),
        [Length(max=2_000)],
        description=lazy_gettext("Of which one will do; a comma between two."),
    )
    sensors = StringField(
        lazy_gettext("Sensors"), [Length(max=12_000)], description=lazy_gettext("Their numbers; a comma between two.")
    )
    k = IntegerField(
        lazy_gettext("Smallest group"),
        [InputRequired(), NumberRange(1, MOST_K)],
        default=1,
        description=lazy_gettext("From 2 on: sums over at least so many, and no sensor singly."),
    )
    ends = DateField(
        lazy_gettext("Holds until, that day included"), [Optional()], description=lazy_gettext("Empty: for good.")
    )
    submit = SubmitField(lazy_gettext("Narrow"))

    def scope(self) -> Scope:
        """As in ScopeForm, with what is more here."""
        return (
            super()
            .scope()
            ._replace(
                labels=labels_of(_parts(self.labels.data)) or None,
                sensors=_numbers(self.sensors.data),
                k=self.k.data,
                expires_s=begin_s(self.ends.data, 1),
            )
        )


class GiveForm(NarrowForm):
    """To whom, too. `seen`: of which scope the preview was."""

    user = StringField(lazy_gettext("User"), [InputRequired(), Length(max=100)], render_kw={"autocapitalize": "none"})
    seen = HiddenField()
    submit = SubmitField(lazy_gettext("Show what it would open"))
    give = SubmitField(lazy_gettext("Give it"))


@grant_pages.get("")
@needs(Need.PERSON)
def all_grants() -> str:
    """Those on which who asks decides, of one person if one is named."""
    site, actor = the_site(), the_actor()
    user, state = request.args.get("user", "")[:100], request.args.get("state", "")
    before = max(0, min(request.args.get("before", 0, type=int), _MOST_NUMBER))
    try:
        found, more = granting.listed(site, actor, user, _STATES.get(state, True), before)
    except RemoteError as error:
        if error.code != "user-unknown":
            raise
        found, more = [], None
    rows = [(one, _words(one.scope), one.scope.state(site.clock())) for one in found]
    return render_template("grants.html", rows=rows, user=user, state=state, before=before, more=more)


@grant_pages.route("/new", methods=["GET", "POST"])
@needs(Need.PERSON)
def give() -> BaseResponse | str | tuple[str, int]:
    """A form; what it would open; and, of what was shown, the grant."""
    site, actor = the_site(), the_actor()
    actor.require_administrator()
    form = GiveForm()
    if not form.is_submitted():
        form.user.data, form.export.data = request.args.get("user", "")[:100], False
        return render_template("grant_new.html", form=form, would=None)
    would = None
    if form.validate():
        try:
            scope = form.scope()
            would = granting.preview(site, actor, form.user.data, scope)
            digest = _digest(would.user, scope)
            if form.give.data and form.seen.data == digest:
                number = granting.grant(site, actor, would.user, scope)
                flash(gettext("Grant %(number)s is given.", number=number), "success")
                return redirect(url_for("grant_pages.one", number=number))
            form.seen.data = digest
        except RemoteError as error:
            form.form_errors.append(sentence(error))
    form.seen.raw_data = None
    said_ = would and words(would.scope, would.sensors, site.days.zone, language=the_language())
    page = render_template("grant_new.html", form=form, would=would, words=said_)
    return (page, 400) if form.errors else page


@grant_pages.get("/<int:number>")
@needs(Need.PERSON)
def one(number: int) -> str:
    """One grant, with a form to narrow it."""
    info, sensors = granting.look(the_site(), the_actor(), min(number, _MOST_NUMBER))
    form = NarrowForm(formdata=None, data=_shown(info.scope))
    return _page(info, sensors, form)


@grant_pages.post("/<int:number>/narrow")
@needs(Need.PERSON)
def narrow(number: int) -> BaseResponse | tuple[str, int]:
    """Makes less of it: of what was changed in the form."""
    site, actor = the_site(), the_actor()
    info, sensors = granting.look(site, actor, min(number, _MOST_NUMBER))
    form = NarrowForm()
    if form.validate():
        try:
            now, before = form.scope()._asdict(), NarrowForm(formdata=None, data=_shown(info.scope)).scope()._asdict()
            less = {name: now[name] for name in _FIELDS if now[name] != before[name]}
            if not less:
                raise RemoteError("grant-same", number=number)
            granting.narrow(site, actor, info.id, **less)
        except RemoteError as error:
            form.form_errors.append(sentence(error))
        else:
            flash(gettext("It opens less from now on."), "success")
            return redirect(url_for("grant_pages.one", number=info.id))
    return _page(info, sensors, form), 400


@grant_pages.post("/<int:number>/revoke")
@needs(Need.PERSON)
def revoke(number: int) -> BaseResponse:
    """Ends it."""
    site, actor = the_site(), the_actor()
    granting.look(site, actor, min(number, _MOST_NUMBER))
    try:
        granting.revoke(site, actor, number)
        flash(gettext("It is revoked: nothing more is seen by it."), "success")
    except RemoteError as error:
        flash(sentence(error), "danger")
    return redirect(url_for("grant_pages.one", number=number))


def _page(info: granting.GrantInfo, sensors: int, form: NarrowForm) -> str:
    state = info.scope.state(the_site().clock())
    return render_template("grant.html", one=info, words=_words(info.scope, sensors), state=state, form=form)


def _words(scope: Scope, sensors: int | None = None) -> str:
    return words(scope, sensors, the_site().days.zone, language=the_language())


def _shown(scope: Scope) -> dict[str, Any]:
    return shown(scope) | {
        "labels": ", ".join(sorted(scope.labels or ())),
        "sensors": ", ".join(map(str, sorted(scope.sensors or ()))),
        "k": scope.k,
        "ends": day_of(scope.expires_s, -1),
    }


def _digest(user: str, scope: Scope) -> str:
    return sha256(json.dumps([user, said(scope)]).encode()).hexdigest()


def _parts(text: str | None) -> list[str]:
    return [part.strip() for part in (text or "").split(",") if part.strip()]


def _numbers(text: str | None) -> frozenset[int] | None:
    parts = _parts(text)
    if not all(part.isascii() and part.isdecimal() and len(part) <= 10 for part in parts):
        raise RemoteError("id-range")
    numbers = frozenset(map(int, parts))
    if not all(0 < number <= _MOST_NUMBER for number in numbers):
        raise RemoteError("id-range")
    return numbers or None
