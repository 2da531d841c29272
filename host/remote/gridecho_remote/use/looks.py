"""Looks in the audit: who saw or exported what, was refused, or failed to sign in. The row is there before the answer.

The same within ten minutes is no second row, so a page that renews itself does not fill the chain; what was refused or failed once
more is counted, and a later row says how often. Of somebody who looks without end a thousand rows are kept in that time.
"""

import json
import logging
from collections.abc import Iterator, Mapping, Sequence, Sized
from typing import TypeVar

from ..rules.actor import Actor, Kind, person
from ..rules.errors import RemoteError, StorageAwayError, StorageFullError
from ..rules.periods import END_S
from ..rules.recent import ALL, Key, Span
from ..rules.units import codes_of, obis
from ..store import lookers, users
from .audit import note
from .site import Site

log = logging.getLogger("gridecho.remote")

_HOUR_S = 3_600
_MORE = "looks.more"  # of who has too many rows

Part = TypeVar("Part", bound=Sized)  # of an export: so many readings
Seen = Mapping[int, Sequence[Span]]
_NONE: Seen = {}


def look(
    site: Site,
    actor: Actor,
    what: str,
    subject: str,
    mask: int = 0,
    span: Span | None = None,
    seen: Seen = _NONE,
    **fields: object,
) -> None:
    """Notes a look at quantities within a span (in s), which is taken as whole hours: one that moves on is the same for a while.

    `seen`: of which times readings were open, by sensor; of one with a span, within its `whole_hours`. The row says so if these
    are not all of it, and who is the subject of a contract of then finds it.
    """
    whole = ALL if span is None else whole_hours(span)
    if span is not None:
        fields |= _opened(whole, seen)
    key = (
        _party(actor),
        what,
        subject,
        _by(actor),
        str(mask),
        *(f"{name} {value}" for name, value in fields.items() if name != "count"),
    )
    now_ms = site.now_ms()
    if site.recent.is_known(key, whole, now_ms):
        return
    said: dict[str, object] = {"quantities": [obis(code) for code in codes_of(mask)]} if mask else {}
    if span is not None:
        said |= {"from_s": whole[0], "until_s": whole[1]}
    _row(site, actor, key, whole, said | fields, seen)


def whole_hours(span: Span) -> Span:
    """The hours that a span touches."""
    return span[0] // _HOUR_S * _HOUR_S, min(-(-span[1] // _HOUR_S) * _HOUR_S, END_S)


def refused(site: Site, actor: Actor, error: RemoteError) -> None:
    """Notes that somebody asked for what is not for them, or is not there."""
    number = error.fields.get("sensor_id")
    subject = f"sensor {number}" if isinstance(number, int) and number < END_S else error.code
    _counted(site, actor, "looks.refused", subject)


def failed_sign_in(site: Site, name: str) -> None:
    """Notes a wrong password. The name as it was given is told only where a user has it: others mistype a password there."""
    try:
        subject = f"user {users.proper_name(site.archive, name)}"
    except RemoteError:
        subject = "nobody"
    _counted(site, person(0), "people.log_in_failed", subject)


def refused_token(site: Site, user_id: int | None) -> None:
    """Notes a token that is good for nothing; whose it was is told if there was one."""
    found = None if user_id is None else users.find_person(site.archive, user_id)
    _counted(site, person(0), "tokens.refused", f"user {found.name}" if found else "nobody")


def failed_password(site: Site, actor: Actor, name: str) -> None:
    """Notes that somebody who is logged in gave a wrong password as their present one."""
    _counted(site, actor, "people.is_password_failed", f"user {name}")


def settle(site: Site) -> None:
    """Tells how often there was what was only counted."""
    for key, more in site.recent.due(site.now_ms()):
        kind, _, number = key[0].partition(" ")
        by = json.loads(key[3]) if len(key) > 3 else {}
        with site.archive.writing():
            note(site, Actor(Kind(kind), int(number)), key[1], key[2], more=more, **by)


class Exporting:
    """An export in the audit: that it begins, and when it is over, how many readings were given, and whether all was taken."""

    def __init__(
        self, site: Site, actor: Actor, what: str, subject: str, mask: int, span: Span | None, seen: Seen
    ) -> None:
        self._site, self._actor, self._what, self._subject = site, actor, what, subject
        self._count, self._made, self._ended = 0, False, False
        said: dict[str, object] = {"quantities": [obis(code) for code in codes_of(mask)]}
        if span is not None:
            said |= {"from_s": span[0], "until_s": span[1]} | _opened(span, seen)
        self._row = _row(site, actor, (_party(actor), what, subject, _by(actor)), ALL, said, seen)

    def counted(self, parts: Iterator[Part]) -> Iterator[Part]:
        """The same parts."""
        for part in parts:
            self._count += len(part)
            yield part
        self._made = True

    def ended(self, taken: bool) -> None:
        """It is over, and the other end had all that was given, or not; called once more, nothing happens."""
        if self._ended:
            return
        self._ended = True
        said: dict[str, object] = {"count": self._count, "whole": self._made and taken, "row": self._row}
        try:
            key = (_party(self._actor), f"{self._what}.ended", self._subject, _by(self._actor))
            _row(self._site, self._actor, key, ALL, said)
        except (StorageAwayError, StorageFullError) as error:
            log.error("export-end-not-noted %s count=%d reason=%s", self._subject, self._count, type(error).__name__)
        finally:
            self._site.archive.give_back()


def _counted(site: Site, actor: Actor, what: str, subject: str) -> None:
    key = (_party(actor), what, subject, _by(actor))
    if not site.recent.is_known(key, ALL, site.now_ms(), counted=True):
        _row(site, actor, key, ALL, {})


def _row(site: Site, actor: Actor, key: Key, span: Span, fields: dict[str, object], seen: Seen = _NONE) -> int | None:
    """The number of the row; None: it is only counted."""
    now_ms = site.now_ms()
    if site.recent.is_too_much(key[0], now_ms):
        key, span, fields = (key[0], _MORE, "audit"), ALL, {}
        seen = _NONE
        if site.recent.is_known(key, span, now_ms, counted=True):
            return None
    with site.archive.writing():
        number = note(site, actor, key[1], key[2], **fields)
        lookers.put(site.archive, number, seen)
    site.recent.add(key, span, now_ms)
    return number


def _opened(span: Span, seen: Seen) -> dict[str, object]:
    """Which parts of a span were open, for the row, if not all of it."""
    if len(seen) != 1:
        return {}
    ((_, spans),) = seen.items()
    return {} if list(spans) == [(span[0], min(span[1], END_S))] else {"open": [list(one) for one in spans]}


def _party(actor: Actor) -> str:
    """Whose share of rows it is: a person has one, however many tokens there are."""
    return f"{actor.kind} {actor.id}"


def _by(actor: Actor) -> str:
    return json.dumps({} if actor.by is None else actor.by.said)
