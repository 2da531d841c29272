"""Whose turn it is to be the proxy of a group of relays, and the change of turns. The choice itself is in election.py.

A change of turns is one transaction that sees the term open and ends it: of several processes that come to it at once, one makes
it and the others find it made. Times are handed in.
"""

import json
import logging
import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from gridecho.crypto import Cmac
from gridecho.errors import MisuseError
from gridecho.groups import MAX_BAR, MAX_BARS, MAX_RUNS, Turn, appointment_of, url_fits
from pydantic import BaseModel, Field

from ..rules.election import SAME, Choice, choose
from ..rules.errors import RemoteError
from ..rules.reasons import Reason, reason
from .database import Archive
from .groups import MOST_NUMBER, group_of, members_of
from .models import Bar, Group, Member, Relay, Term

log = logging.getLogger("gridecho.remote.terms")

MOST_PERIODS = 4_096  # of a term that are compared: its last ones
_KEPT_TERMS, _KEPT_BARS = 1_000, 20  # terms of a group that are remembered, and those whose bars are
_OPEN_PERIODS = 2  # after those that are whole, of which there may be bars
_chance = random.SystemRandom()

_U63 = Annotated[int, Field(ge=0, lt=1 << 63)]
_Period = Annotated[int, Field(ge=0, lt=1 << 31)]


class Word(BaseModel):
    """What a member's heartbeat says of the present term: its bars so far, whole up to `periods`, and why its proxy is lost."""

    group: _U63
    term: _U63
    run: _U63 = 0  # another one after each start of the relay
    periods: _Period = 0
    bars: Annotated[list[tuple[_Period, Annotated[int, Field(ge=0, le=MAX_BAR)]]], Field(max_length=MAX_BARS)] = []
    lost: Annotated[str, Field(max_length=200, pattern=r"^[^\x00]*$")] = ""


@dataclass(frozen=True, slots=True)
class Heard:
    """A member of a group was heard. `listened`: it had been before, in time; so others that were not are late."""

    group_id: int
    listened: bool


def take_word(
    archive: Archive, relay_id: int, every_s: float, url: str, word: Word | None, now_ms: int
) -> Heard | None:
    """What a relay's heartbeat says for its group, in the transaction of the heartbeat. `look_after` is to follow."""
    change: dict[str, Any] = {"beaten_ms": now_ms, "late_ms": int(3_000 * every_s) + 1_000, "url": url}
    group_id = group_of(archive, relay_id)
    if group_id is None:
        return None
    archive.connection().lock("relay_group", [group_id])
    before: Member | None = Member.select().where(Member.relay_id == relay_id).first(archive.db)
    if before is None or before.group_id != group_id:
        return None  # it was moved meanwhile
    term = open_term(archive, group_id)
    if word is not None and term is not None and (word.group, word.term) == (group_id, term.number):
        _take_bars(archive, relay_id, term, word)
        change |= {"term": word.term, "periods": word.periods, "lost": word.lost}
    Member.update(**change).where(Member.relay_id == relay_id).execute(archive.db)
    return Heard(group_id, not is_late(before, now_ms))


def look_after(archive: Archive, heard: Heard, now_ms: int) -> None:
    """Ends the term of a proxy that is lost, and one that is over with nobody there who brings what would end it."""
    if _lacks(archive, heard, now_ms) is None:
        return
    with archive.writing() as connection:
        connection.lock("relay_group", [heard.group_id])
        found = _lacks(archive, heard, now_ms)
        if found is not None:
            _change_turns(archive, *found, now_ms)


def _lacks(archive: Archive, heard: Heard, now_ms: int) -> tuple[Group, Term | None, list[Member], Reason, bool] | None:
    """What a change of turns is made with, its last place saying whether the proxy is there; None: all is well."""
    group: Group | None = Group.select().where(Group.id == heard.group_id).first(archive.db)
    if group is None:
        return None
    term, members = open_term(archive, group.id), members_of(archive, group.id)
    # Whose own heartbeats came late does not say that the proxy's did: perhaps nobody listened.
    trouble = _trouble(term, members, now_ms, listened=heard.listened)
    if trouble is not None:
        return group, term, members, trouble, False
    if term is None or not heard.listened:
        return None
    # Its next forward has the first say, so that a term ends between two of them.
    patience_ms = next(one.late_ms for one in members if one.relay_id == term.proxy)
    ending = _over(group.after_s, group.after_forwards, term.began_ms, term.forwards, now_ms - patience_ms)
    return None if ending is None else (group, term, members, ending, True)


def _take_bars(archive: Archive, relay_id: int, term: Term, word: Word) -> None:
    """Keeps those of the periods that are compared, and of no more processes than are told apart: so a member has so many rows."""
    connection, its = archive.connection(), (term.group_id, term.number, relay_id)
    first, last = max(0, word.periods - MOST_PERIODS), word.periods + _OPEN_PERIODS
    bars = {period: readings for period, readings in word.bars if first <= period <= last}
    other = "DELETE FROM group_bar WHERE group_id = ? AND term = ? AND relay_id = ? AND (period < ? OR period > ?)"
    connection.execute(other, (*its, first, last + MOST_PERIODS))
    if not bars:
        return
    query = (
        "SELECT period, run FROM group_bar WHERE group_id = ? AND term = ? AND relay_id = ? AND period BETWEEN ? AND ?"
    )
    runs: dict[int, set[int]] = {}
    for period, run in connection.execute(query, (*its, min(bars), max(bars))).fetchall():
        runs.setdefault(period, set()).add(run)
    fitting = [one for one in bars if len(runs.get(one, set()) - {word.run}) < MAX_RUNS]
    if len(fitting) < len(bars):
        log.debug("bars-left-out relay=%d run=%d bars=%d", relay_id, word.run, len(bars) - len(fitting))
    connection.executemany(
        "INSERT INTO group_bar (group_id, term, relay_id, period, run, readings) VALUES (?, ?, ?, ?, ?, ?) "
        "ON CONFLICT (group_id, term, relay_id, period, run) DO UPDATE SET readings = excluded.readings",
        [(*its, period, word.run, bars[period]) for period in fitting],
    )


def holds_turn(archive: Archive, relay_id: int, group_id: int, number: int) -> bool:
    """Whether this relay is the group's proxy in this term, which has not ended."""
    query = "SELECT 1 FROM group_term WHERE group_id = ? AND number = ? AND proxy = ? AND ended_ms IS NULL"
    return archive.connection().execute(query, (group_id, number, relay_id)).fetchone() is not None


def forwarded(archive: Archive, group_id: int, number: int, now_ms: int) -> None:
    """The proxy of this term brought something: counts it, and ends the term if the rotation condition holds."""
    with archive.writing() as connection:
        connection.lock("relay_group", [group_id])
        count = (
            "UPDATE group_term SET forwards = forwards + 1, forwarded_ms = ? "
            "WHERE group_id = ? AND number = ? AND ended_ms IS NULL"
        )
        if not connection.execute(count, (now_ms, group_id, number)).rowcount:
            return
        query = (
            "SELECT g.after_s, g.after_forwards, t.began_ms, t.forwards FROM group_term AS t "
            "JOIN relay_group AS g ON g.id = t.group_id WHERE t.group_id = ? AND t.number = ?"
        )
        after_s, after_forwards, began_ms, forwards = connection.execute(query, (group_id, number)).fetchone()
        ending = _over(after_s, after_forwards, began_ms, forwards, now_ms)
        if ending:
            group: Group = Group.select().where(Group.id == group_id).get(archive.db)
            members = members_of(archive, group_id)
            _change_turns(archive, group, open_term(archive, group_id), members, ending, True, now_ms)


def rotate(archive: Archive, group: Group, now_ms: int) -> Term:
    """Ends the present term by hand; the open term after it. Raises RemoteError if no other relay can be proxy."""
    with archive.writing() as connection:
        connection.lock("relay_group", [group.id])
        term = open_term(archive, group.id)
        members = members_of(archive, group.id)
        _change_turns(archive, group, term, members, reason("ended-by-hand"), True, now_ms)
        after = open_term(archive, group.id)
    if after is None or (term is not None and after.number == term.number):
        raise RemoteError("no-other-proxy", name=group.name)
    return after


def turn_of(archive: Archive, relay_id: int, receipt_mac: Callable[[int], Cmac], now_ms: int) -> bytes:
    """The turn for a relay as it travels; `receipt_mac` gives a relay's MAC for receipts.

    One that cannot be packed, for its URL was taken by an earlier version, names no proxy.
    """
    query = (
        "SELECT m.group_id, t.number, t.proxy, t.began_ms, t.period_s, p.url FROM group_member AS m "
        "LEFT JOIN group_term AS t ON t.group_id = m.group_id AND t.ended_ms IS NULL "
        "LEFT JOIN group_member AS p ON p.relay_id = t.proxy WHERE m.relay_id = ?"
    )
    row = archive.connection().execute(query, (relay_id,)).fetchone()
    if row is None or row[1] is None:
        return Turn(relay_id, now_ms, row[0] if row else 0).pack(receipt_mac(relay_id))
    group_id, number, proxy, began_ms, period_s, url = row
    appointment = appointment_of(proxy, group_id, number, receipt_mac(proxy))
    url = "" if proxy == relay_id else url or ""
    turn = Turn(relay_id, now_ms, group_id, number, proxy, began_ms // 1000, period_s, appointment, url)
    try:
        return turn.pack(receipt_mac(relay_id))
    except MisuseError:
        turn.proxy, turn.url = 0, ""
        return turn.pack(receipt_mac(relay_id))


def names_of(archive: Archive, relay_id: int) -> tuple[str | None, str | None]:
    """The names of a relay's group and of its proxy, where there are any."""
    group_id = group_of(archive, relay_id)
    if group_id is None:
        return None, None
    term = open_term(archive, group_id)
    proxy = Relay.select(Relay.name).where(Relay.id == term.proxy).scalar(archive.db) if term else None
    return Group.select(Group.name).where(Group.id == group_id).scalar(archive.db), proxy


def present(archive: Archive, group_id: int) -> tuple[int, int]:
    """(number, proxy) of the term of a group that has not ended; zeros if there is none."""
    query = "SELECT number, proxy FROM group_term WHERE group_id = ? AND ended_ms IS NULL"
    number, proxy = archive.connection().execute(query, (group_id,)).fetchone() or (0, 0)
    return number, proxy


def open_term(archive: Archive, group_id: int) -> Term | None:
    """The term of a group that has not ended."""
    found: Term | None = Term.select().where(Term.group_id == group_id, Term.ended_ms.is_null()).first(archive.db)
    return found


def find_term(archive: Archive, group_id: int, number: int) -> Term | None:
    """The term of a group with this number."""
    query = Term.select().where(Term.group_id == group_id, Term.number == min(number, MOST_NUMBER))
    found: Term | None = query.first(archive.db)
    return found


def past_terms(archive: Archive, group_id: int, before: int | None, most: int) -> list[Term]:
    """The terms of a group that ended, those before a number if one is given, the newest first; `most` at most."""
    query = Term.select().where(Term.group_id == group_id, Term.ended_ms.is_null(False))
    if before is not None:
        query = query.where(Term.number < before)
    return list(query.order_by(Term.number.desc()).limit(most).execute(archive.db))


def served_in_round_of(archive: Archive, term: Term) -> set[int]:
    """The relays that were proxy in the round of a term, its own among them."""
    query = Term.select(Term.proxy).where(Term.group_id == term.group_id, Term.round == term.round)
    return {proxy for (proxy,) in query.tuples().execute(archive.db)}


def is_late(member: Member, now_ms: int) -> bool:
    """Whether a member's heartbeat is late: it is taken for dead."""
    return bool(now_ms - member.beaten_ms > member.late_ms)


def whole_periods(term: Term | None, members: Sequence[Member], now_ms: int) -> int:
    """How many of a term's periods are reported whole by every member that is there."""
    if term is None:
        return 0
    there = [member for member in members if not is_late(member, now_ms)]
    return min((one.periods if one.term == term.number else 0 for one in there), default=0)


def has_bars(archive: Archive, term: Term) -> bool:
    """Whether bars of a term are kept still."""
    return bool(Bar.select().where(Bar.group_id == term.group_id, Bar.term == term.number).exists(archive.db))


def bars_of(archive: Archive, term: Term, relay_ids: Iterable[int], periods: int) -> dict[int, list[int]]:
    """The histogram of each relay: its readings in each of a term's first `periods` periods, of 4,096 at most."""
    first = max(0, periods - MOST_PERIODS)
    bars = {relay_id: [0] * (periods - first) for relay_id in relay_ids}
    query = Bar.select(Bar.relay_id, Bar.period, Bar.readings).where(
        Bar.group_id == term.group_id, Bar.term == term.number, Bar.period >= first, Bar.period < periods
    )
    for relay_id, period, readings in query.tuples().execute(archive.db):
        if relay_id in bars:
            bars[relay_id][period - first] += min(readings, MAX_BAR)  # an earlier version took any
    return bars


def can_be_reached(member: Member) -> bool:
    """Whether the others of its group can hand something to a member."""
    return bool(member.url) and url_fits(member.url)


def _trouble(term: Term | None, members: Sequence[Member], now_ms: int, *, listened: bool) -> Reason | None:
    """Why a group needs another proxy at once; None: it does not."""
    if term is None:
        return Reason()
    proxy = next((member for member in members if member.relay_id == term.proxy), None)
    if proxy is None:
        return reason("ended-left")
    if listened and now_ms - max(proxy.beaten_ms, term.forwarded_ms, term.began_ms) > proxy.late_ms:
        return reason("ended-late")
    # One member whose own way to the proxy is broken does not take the turn from it.
    others = [one for one in members if one.relay_id != term.proxy and not is_late(one, now_ms)]
    if not can_be_reached(proxy) and any(can_be_reached(one) for one in others):
        return reason("ended-no-url")
    losers = [one for one in others if one.term == term.number and one.lost]
    if losers and 2 * len(losers) >= len(others):
        return reason("ended-lost", said_by=[(one.relay_id, one.lost) for one in losers[:5]])
    return None


def _over(after_s: int | None, after_forwards: int | None, began_ms: int, forwards: int, now_ms: int) -> Reason | None:
    """The rotation condition that holds; None: none does."""
    if after_s and now_ms - began_ms >= 1000 * after_s:
        return reason("ended-seconds", seconds=after_s)
    if after_forwards and forwards >= after_forwards:
        return reason("ended-forwards", forwards=after_forwards)
    return None


def _change_turns(
    archive: Archive,
    group: Group,
    term: Term | None,
    members: Sequence[Member],
    ending: Reason,
    proxy_is_there: bool,
    now_ms: int,
) -> None:
    last = term or _last_term(archive, group.id)
    gone = term.proxy if term and not proxy_is_there else None
    there = [one for one in members if not is_late(one, now_ms) and one.relay_id != gone]
    # Who is alone needs no address for others.
    able = [one.relay_id for one in there if can_be_reached(one) or len(there) == 1]
    served = served_in_round_of(archive, last) if last else set()
    periods = whole_periods(term, members, now_ms)
    bars = bars_of(archive, term, able, periods) if term else {relay_id: [] for relay_id in able}
    choice = choose(bars, served, term.proxy if term else None, _chance)
    if term and proxy_is_there and (choice is None or choice.proxy == term.proxy):
        return  # nobody else can be it
    if term:
        ballot = [(one.relay_id, *_standing(one, choice, gone, there)) for one in members]
        end = Term.update(ended_ms=now_ms, reason=ending.kept(), periods=periods, ballot=json.dumps(ballot))
        end.where(Term.group_id == group.id, Term.number == term.number).execute(archive.db)
    if choice is None:
        return
    Term.insert(
        group_id=group.id,
        number=last.number + 1 if last else 1,
        round=last.round + choice.new_round if last else 1,
        proxy=choice.proxy,
        why=(_why(choice) if term else reason("chosen-first")).kept(),
        period_s=group.period_s,
        began_ms=now_ms,
    ).execute(archive.db)
    _forget_old(archive, group.id)


def _standing(
    member: Member, choice: Choice | None, gone: int | None, there: Sequence[Member]
) -> tuple[str, float | None]:
    """How a member stood at a choice, and its load score if it was compared."""
    relay_id = member.relay_id
    if choice and relay_id in choice.scores:
        return "chosen" if relay_id == choice.proxy else "candidate", choice.scores[relay_id]
    if relay_id == gone:
        return "lost", None
    if member not in there:
        return "late", None
    return "served" if can_be_reached(member) else "unreachable", None


def _why(choice: Choice) -> Reason:
    least = min(choice.scores.values())
    equal = sum(score - least < SAME for score in choice.scores.values())
    readings = round(least)
    if len(choice.scores) == 1:
        return reason("chosen-left", readings=readings)
    if equal > 1:
        return reason("chosen-lot", among=equal, readings=readings)
    return reason("chosen-least", among=len(choice.scores), readings=readings)


def _last_term(archive: Archive, group_id: int) -> Term | None:
    found: Term | None = Term.select().where(Term.group_id == group_id).order_by(Term.number.desc()).first(archive.db)
    return found


def _forget_old(archive: Archive, group_id: int) -> None:
    last = _last_term(archive, group_id)
    if last is None:
        return
    old = (Term.group_id == group_id, Term.number <= last.number - _KEPT_TERMS, Term.round < last.round)
    Term.delete().where(*old).execute(archive.db)
    Bar.delete().where(Bar.group_id == group_id, Bar.term <= last.number - _KEPT_BARS).execute(archive.db)
