"""The page of the audit, for auditors: who did what and when, and whether all of it is there as it was written."""

import json
from datetime import date
from typing import Any

from flask import Blueprint, render_template, request, url_for
from flask_babel import lazy_gettext

from ..rules.actor import Kind
from ..rules.errors import RemoteError
from ..use import auditing
from ..use.auditing import Sought, Told
from ..web.context import the_actor, the_site
from ..web.guard import Need, needs
from ..web.languages import sentence
from .scope_form import begin_s

audit_pages = Blueprint("audit_pages", __name__, url_prefix="/audit")

_NAMES = ("who", "kind", "what", "subject", "first", "last")
_KINDS = {
    "": lazy_gettext("anybody"),
    Kind.PERSON: lazy_gettext("people"),
    Kind.OPERATOR: lazy_gettext("the terminal"),
    Kind.RELAY: lazy_gettext("relays"),
}
_MOST_NUMBER = (1 << 62) - 1


@audit_pages.get("")
@needs(Need.PERSON)
def rows() -> str | tuple[str, int]:
    """Rows that fit, the newest first."""
    given = {name: request.args.get(name, "").strip()[:255] for name in _NAMES}
    before = max(0, min(request.args.get("before", 0, type=int), _MOST_NUMBER))
    wrong = ""
    found: list[Told] = []
    more: int | None = None
    given_: dict[str, Any] = dict(given)
    the_actor().require_auditor()
    try:
        kind = given["kind"] if given["kind"] in tuple(Kind) else ""
        span = begin_s(_day("first", given["first"])), begin_s(_day("last", given["last"]), 1)
        sought = Sought(given["who"], kind, given["what"], given["subject"], *span)
        found, more = auditing.found(the_site(), the_actor(), sought, before)
    except RemoteError as error:
        wrong = sentence(error)
    page = render_template(
        "audit.html",
        rows=[(one, _said(one.entry.fields)) for one in found],
        given=given,
        kinds=_KINDS,
        wrong=wrong,
        newest=url_for("audit_pages.rows", **given_) if before else None,
        older=url_for("audit_pages.rows", **given_, before=more) if more else None,
    )
    return (page, 400) if wrong else page


@audit_pages.post("/verify")
@needs(Need.PERSON)
def verify() -> str:
    """Whether any row was changed, left out, put in or moved."""
    count, problems, cut = auditing.verified(the_site(), the_actor())
    return render_template("audit_verified.html", count=count, problems=list(map(sentence, problems)), cut=cut)


def _day(name: str, text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise RemoteError("query-date", name=name) from None


def _said(fields: dict[str, object]) -> list[tuple[str, str]]:
    """What a row says, in short: texts as they are, all else as JSON."""
    return [
        (name, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
        for name, value in fields.items()
        if value is not None
    ]
