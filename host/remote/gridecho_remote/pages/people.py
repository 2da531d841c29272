"""The pages of people, for who runs the fleet or decides on all grants: who there is, their roles, where they are logged in."""

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from ..rules.errors import RemoteError
from ..rules.roles import EVERYWHERE, RoleKind, role
from ..use import people, sessions
from ..web.context import the_actor, the_site
from ..web.guard import Need, needs
from ..web.languages import sentence, the_language
from .language import ago, role_words
from .your_account import browser

people_pages = Blueprint("people_pages", __name__, url_prefix="/people")

_MOST_SESSION = (1 << 31) - 1
_SHOWN = 100  # logins


@people_pages.get("")
@needs(Need.PERSON)
def everybody() -> str:
    """People by name, those whose name begins as asked."""
    begins, after = request.args.get("name", "")[:100], request.args.get("after", "")[:100]
    found, more = people.listed(the_site(), the_actor(), begins, after)
    return render_template("people.html", people=found, name=begins, after=after, more=more)


@people_pages.get("/one")
@needs(Need.PERSON)
def one() -> str:
    """One of them."""
    site, actor = the_site(), the_actor()
    found = people.look(site, actor, request.args.get("name", ""))
    now_s = site.clock()
    rows = [
        {
            "id": one.id,
            "browser": browser(one.agent),
            "address": one.address,
            "begun_ms": one.begun_s * 1000,
            "seen": ago(now_s - one.seen_s),
        }
        for one in sessions.of_user(site, actor, found.name)
    ]
    return render_template(
        "person.html",
        one=found,
        rows=rows[:_SHOWN],
        more=max(0, len(rows) - _SHOWN),
        kinds=list(RoleKind),
        decides=actor.administers(EVERYWHERE),
        administrator=RoleKind.ADMINISTRATOR,
    )


@people_pages.post("/give-role")
@needs(Need.PERSON)
def give_role() -> BaseResponse:
    """Gives somebody a role."""
    return _changed(people.give_role, "{name} has the role now: {role}.")


@people_pages.post("/take-role")
@needs(Need.PERSON)
def take_role() -> BaseResponse:
    """Takes a role from somebody."""
    return _changed(people.take_role, "{name} has the role no more: {role}.")


@people_pages.post("/end-logins")
@needs(Need.PERSON)
def end_logins() -> BaseResponse:
    """Ends one of somebody's logins, or all."""
    site, actor = the_site(), the_actor()
    name = people.look(site, actor, request.form.get("name", "")).name
    number = request.form.get("number", 0, type=int)
    ended = sessions.end_of_user(site, actor, name, min(number, _MOST_SESSION) if number > 0 else None)
    flash(
        the_language().say_many(
            "{count} login of {name} has ended.", "{count} logins of {name} have ended.", ended, name=name
        ),
        "success",
    )
    return redirect(url_for("people_pages.one", name=name))


def _changed(step, said: str) -> BaseResponse:  # type: ignore[no-untyped-def]
    site, actor = the_site(), the_actor()
    actor.require_administrator(EVERYWHERE)
    name = people.look(site, actor, request.form.get("name", "")).name
    kind = request.form.get("kind", "")
    try:
        if kind not in tuple(RoleKind):
            raise RemoteError("role-unknown", role=kind[:50])
        held = role(kind, request.form.get("region", "").strip())
        step(site, actor, name, held)
        flash(the_language().say(said, name=name, role=role_words(held)), "success")
    except RemoteError as error:
        flash(sentence(error), "danger")
    return redirect(url_for("people_pages.one", name=name))
