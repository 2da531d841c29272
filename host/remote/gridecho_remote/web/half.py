"""Who has shown a password, and has to show a code yet: remembered in the signed cookie for some minutes."""

from dataclasses import dataclass

from flask import session

from ..use.people import Person
from ..use.sessions import How
from .context import the_site

_KEY = "half"
_LASTS_S = 300


@dataclass(frozen=True, slots=True)
class Half:
    """The user who shows to be somebody, and their name as the form had it."""

    id: int
    name: str
    how: How


def begin_half(one: Person, how: How) -> None:
    """A password was right; the browser is nobody yet."""
    session.clear()
    session[_KEY] = [one.id, one.name, int(the_site().clock()), str(how)]


def half() -> Half | None:
    """Who has shown a password with this browser within the last five minutes."""
    kept = session.get(_KEY)
    if kept is None or len(kept) != 4:  # an earlier version's
        return None
    user_id, name, begun_s, how = kept
    return Half(user_id, name, How(how)) if the_site().clock() < begun_s + _LASTS_S else None
