"""What a page does for who has shown who they are: they are in, or have to show a code first."""

from flask import redirect, url_for
from werkzeug.wrappers import Response as BaseResponse

from ..use import second as factors
from ..use.people import Person
from ..use.sessions import How
from ..web.context import the_site
from ..web.devices import remember_device
from ..web.half import begin_half
from ..web.sessions import begin_session


def let_in(one: Person, how: How, target: str | None) -> BaseResponse:
    """To where they wanted, or to the code of their second factor."""
    if factors.is_on(the_site(), one):
        begin_half(one, how)
        return redirect(url_for("pages.code", next=local_target(target)))
    return entered(one, how, target)


def entered(one: Person, how: How, target: str | None, second: bool = False) -> BaseResponse:
    """They have shown all that is asked for; `second`: a code, too."""
    begin_session(one, how, second)
    return remember_device(redirect(local_target(target) or url_for("pages.home")), one.name)


def local_target(target: str | None) -> str | None:
    """The target if it is a path of this remote: a login form must not lead elsewhere."""
    if not target or not target.startswith("/") or target.startswith(("//", "/\\")) or not target.isprintable():
        return None
    return target
