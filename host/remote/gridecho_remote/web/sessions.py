"""The login of a request: its cookie has a token, and the database says whose it is and whether it lasts (use/sessions.py).

What a page asks for by itself is not done by anybody.
"""

from dataclasses import dataclass

from flask import request, session
from flask_login import UserMixin, login_user

from ..rules.actor import Actor
from ..use import sessions
from ..use.people import Person
from ..use.sessions import How
from .context import the_site

POLL_HEADER = "Gridecho-Poll"  # pages send it with what their timers ask for
EVENTS = "text/event-stream"  # what a browser accepts when it comes again by itself


@dataclass
class SessionUser(UserMixin):  # type: ignore[misc]
    """The person behind a request, for flask-login."""

    id: int
    name: str
    must_change: bool
    actor: Actor
    session_id: int
    token: str

    def get_id(self) -> str:
        """What the cookie holds."""
        return self.token


def load_user(token: str) -> SessionUser | None:
    """The user of a cookie's token, if the login still holds; if a person asks, they have done something."""
    by_itself = POLL_HEADER in request.headers or request.headers.get("Accept") == EVENTS
    found = sessions.find(the_site(), token, active=not by_itself)
    if found is None:
        return None
    one = found.person
    return SessionUser(one.id, one.name, one.must_change, one.actor, found.id, token)


def begin_session(one: Person, how: How, second: bool) -> None:
    """A person has shown who they are: whatever the browser had before, it has a new token now."""
    agent = request.user_agent.string
    take_token(sessions.begin(the_site(), one, how, second, request.remote_addr or "", agent))


def take_token(token: str) -> None:
    """The browser has this token from now on, and nothing of before."""
    session.clear()
    session.permanent = True
    login_user(load_user(token))
