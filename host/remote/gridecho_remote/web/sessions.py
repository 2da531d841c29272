"""How long a login lasts: to an absolute end, and to one that comes when nobody does anything.

What a page asks for by itself is not done by anybody.
"""

from flask import request, session

from .context import the_site

POLL_HEADER = "Gridecho-Poll"  # pages send it with what their timers ask for
_BEGUN, _SEEN = "begun", "seen"  # Unix seconds
_OFTEN_S = 60  # so often at most the cookie is written anew


def begin_session() -> None:
    """A person has shown who they are."""
    session.clear()
    session.permanent = True
    session[_BEGUN] = session[_SEEN] = int(the_site().clock())


def session_lasts() -> bool:
    """Whether the login of this request is good still; if a person asks, they have done something."""
    site = the_site()
    now_s, settings = int(site.clock()), site.settings
    begun_s, seen_s = session.get(_BEGUN), session.get(_SEEN)
    if not isinstance(begun_s, int) or not isinstance(seen_s, int):
        return False
    if now_s >= begun_s + settings.session_hours * 3600 or now_s >= seen_s + settings.session_idle_minutes * 60:
        return False
    if now_s >= seen_s + _OFTEN_S and POLL_HEADER not in request.headers:
        session[_SEEN] = now_s
    return True
