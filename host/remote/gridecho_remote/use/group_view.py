"""How the groups of relays are, as plain data for commands, API and pages. Reads only."""

import json
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from ..rules.election import fitted, load_scores
from ..rules.errors import NotFoundError
from ..rules.reasons import kept_reason
from ..store.database import Archive
from ..store.enrol import relay_names
from ..store.groups import all_of, members_of, outside
from ..store.models import Group, Member, Term
from ..store.terms import (
    bars_of,
    can_be_reached,
    find_term,
    has_bars,
    is_late,
    open_term,
    past_terms,
    served_in_round_of,
    whole_periods,
)

PAGE_TERMS = 20
MOST_GROUPS = 1_000
_MOST_SHOWN_BARS = 240  # of a relay; more are shown as the means of neighbours
_MOST_CURVE = 720  # places of a curve


def condition(group: Group) -> str:
    """When a term of the group ends, in words."""
    parts = []
    if group.after_s:
        parts.append(f"after {group.after_s:,} s")
    if group.after_forwards:
        parts.append(f"after {group.after_forwards:,} forwards")
    return " or ".join(parts)


def all_groups(archive: Archive, now_ms: int) -> list[dict[str, Any]]:
    """A line for each group, by name; 1,000 at most."""
    groups = all_of(archive, MOST_GROUPS)
    lines = []
    for group in groups:
        members, term = members_of(archive, group.id), open_term(archive, group.id)
        lines.append(
            {
                "id": group.id,
                "name": group.name,
                "members": len(members),
                "late": sum(is_late(one, now_ms) for one in members),
                "proxy": term and term.proxy,
                "proxy_name": _names(archive, [term.proxy])[term.proxy] if term else None,
                "term": term and term.number,
                "round": term and term.round,
                "after_s": group.after_s,
                "after_forwards": group.after_forwards,
                "condition": condition(group),
                "period_s": group.period_s,
            }
        )
    return lines


def whole(archive: Archive, group: Group, now_ms: int, before: int | None = None) -> dict[str, Any]:
    """All of a group: settings, members, present term, histograms so far, a page of its past terms (those `before` a number)."""
    members, term = members_of(archive, group.id), open_term(archive, group.id)
    past = past_terms(archive, group.id, before, PAGE_TERMS + 1)
    past, more = past[:PAGE_TERMS], len(past) > PAGE_TERMS
    return {
        "id": group.id,
        "name": group.name,
        "after_s": group.after_s,
        "after_forwards": group.after_forwards,
        "period_s": group.period_s,
        "condition": condition(group),
        "members": _members(archive, members, term, now_ms),
        "term": term and _described(archive, [term])[0],
        "histograms": term and _running(archive, term, members, now_ms),
        "history": _described(archive, past),
        "before": past[-1].number if more else None,
    }


def one_term(archive: Archive, group: Group, number: int, now_ms: int) -> dict[str, Any]:
    """A term with its histograms: those its end was decided on, or, of the present one, those so far.

    `histograms` is None for an old term, whose bars are not kept. Raises NotFoundError if the term is not known.
    """
    term = find_term(archive, group.id, number)
    if term is None:
        raise NotFoundError("term-unknown", number=number, name=group.name)
    if term.ended_ms is None:
        histograms: dict[str, Any] | None = _running(archive, term, members_of(archive, group.id), now_ms)
    else:
        histograms = _compared(archive, term)
    return _described(archive, [term])[0] | {"histograms": histograms}


def relays_outside(archive: Archive, most: int = 40) -> list[dict[str, Any]]:
    """Relays that are in no group, by id; `most` at most."""
    return [{"relay": number, "name": name} for number, name in outside(archive, most)]


def _members(archive: Archive, members: Sequence[Member], term: Term | None, now_ms: int) -> list[dict[str, Any]]:
    names = _names(archive, (one.relay_id for one in members))
    served = served_in_round_of(archive, term) if term else set()
    return [
        {
            "relay": one.relay_id,
            "name": names[one.relay_id],
            "proxy": term is not None and one.relay_id == term.proxy,
            "late": is_late(one, now_ms),
            "seen_s": round(max(0, now_ms - one.beaten_ms) / 1000, 1) if one.beaten_ms else None,
            "served": one.relay_id in served,
            "reachable": can_be_reached(one),
            "lost": one.lost if term is not None and one.term == term.number and one.relay_id != term.proxy else "",
        }
        for one in members
    ]


def _described(archive: Archive, terms: Sequence[Term]) -> list[dict[str, Any]]:
    ballots = [json.loads(term.ballot) for term in terms]
    names = _names(archive, {t.proxy for t in terms} | {relay_id for ballot in ballots for relay_id, _, _ in ballot})
    return [
        {
            "number": term.number,
            "round": term.round,
            "proxy": term.proxy,
            "proxy_name": names[term.proxy],
            "why": kept_reason(term.why),
            "period_s": term.period_s,
            "began_ms": term.began_ms,
            "ended_ms": term.ended_ms,
            "reason": kept_reason(term.reason),
            "forwards": term.forwards,
            "ballot": [
                {"relay": relay_id, "name": names[relay_id], "standing": standing, "score": score}
                for relay_id, standing, score in ballot
            ],
        }
        for term, ballot in zip(terms, ballots, strict=True)
    ]


def _running(archive: Archive, term: Term, members: Sequence[Member], now_ms: int) -> dict[str, Any]:
    return _histograms(archive, term, [one.relay_id for one in members], whole_periods(term, members, now_ms))


def _compared(archive: Archive, term: Term) -> dict[str, Any] | None:
    ballot = json.loads(term.ballot)
    if not has_bars(archive, term) and any(score for _, _, score in ballot):
        return None
    return _histograms(archive, term, [relay_id for relay_id, _, _ in ballot], term.periods)


def _histograms(archive: Archive, term: Term, relay_ids: list[int], periods: int) -> dict[str, Any]:
    """Bars and curves with x in seconds and y in readings a period; where there are too many bars, `step` periods are one."""
    bars = bars_of(archive, term, relay_ids, periods)
    names = _names(archive, relay_ids)
    compared = len(next(iter(bars.values()), []))
    shown: dict[str, Any] = {"periods": compared, "first": periods - compared, "period_s": term.period_s, "step": 1}
    if not compared:
        empty = {"score": 0.0, "bars": [], "curve": []}
        return shown | {"places": [], "relays": [{"relay": one, "name": names[one]} | empty for one in relay_ids]}
    heights = np.array([bars[relay_id] for relay_id in relay_ids], np.float64)
    step = -(-compared // _MOST_SHOWN_BARS)
    starts = np.arange(0, compared, step)
    means = np.add.reduceat(heights, starts, axis=1) / np.diff(np.append(starts, compared))
    places = np.linspace(0, compared, min(12 * compared, _MOST_CURVE) + 1)
    curves = fitted(heights)(places).T
    scores = load_scores(heights)
    return shown | {
        "step": step,
        "places": [round(float(place) * term.period_s, 3) for place in places],
        "relays": [
            {
                "relay": relay_id,
                "name": names[relay_id],
                "score": round(float(scores[i]), 3),
                "bars": np.round(means[i], 3).tolist(),
                "curve": np.round(curves[i], 3).tolist(),
            }
            for i, relay_id in enumerate(relay_ids)
        ],
    }


def _names(archive: Archive, relay_ids: Iterable[int]) -> dict[int, str]:
    wanted = list(relay_ids)
    return {one: f"relay {one}" for one in wanted} | relay_names(archive, wanted)
