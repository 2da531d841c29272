"""The page "Your account": who one is here, and where one is logged in; each login can be ended."""

from flask import flash, redirect, render_template, url_for
from flask_babel import gettext
from flask_login import current_user
from werkzeug.wrappers import Response as BaseResponse

from ..use import lookers, people, second, sessions
from ..web.context import the_actor, the_site
from ..web.guard import Need, needs
from ..web.languages import the_language
from .blueprint import pages
from .language import ago

# What a browser says of itself has several of these; the first counts.
_BROWSERS = {"Edg": "Edge", "OPR": "Opera", "Firefox": "Firefox", "Chrom": "Chrome", "Safari": "Safari", "curl": "curl"}
_SYSTEMS = ("Windows", "Android", "iPhone", "iPad", "Mac OS", "CrOS", "Linux")
_MOST_SHOWN = 40


@pages.get("/account")
@needs(Need.PERSON)
def account() -> str:
    """Name, organisation, roles, and the logins, the last used first."""
    site, actor = the_site(), the_actor()
    now_s = site.clock()
    rows = [
        {
            "id": one.id,
            "browser": browser(one.agent),
            "address": one.address,
            "begun_ms": one.begun_s * 1000,
            "seen": gettext("now") if one.id == current_user.session_id else ago(now_s - one.seen_s),
            "here": one.id == current_user.session_id,
        }
        for one in sessions.mine(site, actor)
    ]
    found = second.mine(site, actor)
    on = found is not None and found.since_s is not None
    meters = len(lookers.mine(site, actor))
    return render_template("account.html", me=people.me(site, actor), rows=rows, second=on, meters=meters)


@pages.post("/account/logins/<int:number>/end")
@needs(Need.PERSON)
def end_login(number: int) -> BaseResponse:
    """Ends one of the logins."""
    sessions.end(the_site(), the_actor(), min(number, (1 << 31) - 1))
    flash(gettext("That login has ended."), "success")
    return redirect(url_for("pages.account"))


@pages.post("/account/logins/end-others")
@needs(Need.PERSON)
def end_other_logins() -> BaseResponse:
    """Ends all logins but this one."""
    ended = sessions.end_others(the_site(), the_actor(), current_user.session_id)
    flash(
        the_language().say_many("{count} other login has ended.", "{count} other logins have ended.", ended), "success"
    )
    return redirect(url_for("pages.account"))


def browser(agent: str) -> str:
    """What a browser says of itself, in two words; what none of ours fits is cut short."""
    name = next((name for word, name in _BROWSERS.items() if word in agent), "")
    system = next((word for word in _SYSTEMS if word in agent), "")
    return (
        gettext("%(browser)s on %(system)s", browser=name, system=system)
        if name and system
        else name or agent[:_MOST_SHOWN] or gettext("unknown")
    )
