"""Requests for access: people ask, a register says who they are, whoever decides grants all or a part, or does not."""

import re
from dataclasses import dataclass
from typing import Any

from gridecho_remote.rules.actor import person
from gridecho_remote.rules.errors import NotFoundError, RemoteError
from gridecho_remote.rules.scopes import Resolution
from gridecho_remote.rules.verification import Claim
from gridecho_remote.use import requests
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from tests.rigs.scope_model import Allowed
from tests.rigs.sharing.changes import WHO, decider
from tests.rigs.sharing.drawn import DAY, SCOPES, USERS, can_be, less, lies_in, moments
from tests.rigs.sharing.machine import Machine, product

_OPEN = ("draft", "asked", "verified", "not verified")
_MOST_OPEN = 5


@dataclass
class Asked:
    """A request in the model."""

    user: int
    scope: Allowed
    days: int
    evidence: str
    state: str


class Asking(Machine):
    """Rules of requests."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: dict[int, Asked] = {}

    @rule(
        user=st.sampled_from([*USERS]),
        scope=SCOPES,
        days=st.integers(1, 20),
        evidence=st.sampled_from(["known", "known", "known", "other", "nobody", "away"]),
        keep=st.sampled_from([False, False, True]),
    )
    def ask(self, user: int, scope: Allowed, days: int, evidence: str, keep: bool) -> None:
        site, actor = self.fleet.site, person(user)
        scope = scope._replace(starts_s=None, expires_s=None)
        full = sum(one.user == user and one.state in _OPEN for one in self.asked.values()) >= _MOST_OPEN
        claim = Claim("Ada Wong", "Office", "analyst", evidence)
        try:
            number = requests.draft(site, actor, claim, "why", product(scope), days)
        except RemoteError as error:
            assert error.code == "request-many"
            assert full
            return
        assert not full
        self.asked[number] = one = Asked(user, scope, days, evidence, "draft")
        if not keep:
            requests.ask(site, actor, number)
            one.state = "verified" if evidence == "known" else "not verified"
        self.is_as_it_is(number)

    @precondition(lambda self: self.asked)
    @rule(data=st.data(), region=WHO, what=st.sampled_from(["whole", "whole", "part", "part", "more", "longer"]))
    def decide(self, data: st.DataObject, region: str | None, what: str) -> None:
        """Grants all, or a part; more than was asked for is not granted, nor to whom nobody knows."""
        verified = [number for number, one in self.asked.items() if one.state == "verified"]
        number = data.draw(st.sampled_from(3 * verified + sorted(self.asked)))
        one = self.asked[number]
        fields: dict[str, Any] = {}
        days = one.days
        if what == "part":
            there = less(one.scope, data.draw(moments()))
            del there["expires_s"]
            name = data.draw(st.sampled_from(sorted(there)))
            fields = {name: there[name]}
        elif what == "more":
            fields = {"quantities": (1 << 40) - 1, "region": None, "resolution": Resolution.RAW, "export": True}
        elif what == "longer":
            days += 1
        scope = one.scope._replace(**fields)
        if not can_be(scope):
            return
        if "resolution" in fields:
            fields["resolution"] = Resolution(fields["resolution"])
        is_more = what == "longer" or (what == "more" and scope != one.scope)
        theirs = one.state != "draft" and (region is None or lies_in(one.scope.region, region))
        site = self.fleet.site
        try:
            made = requests.grant(site, decider(region), number, days, **fields)
        except NotFoundError:
            assert not theirs
            return
        except RemoteError as error:
            assert theirs
            assert error.code in ("grant-not-asked", "request-step")
            assert is_more if error.code == "grant-not-asked" else one.state != "verified"
            return
        assert theirs and not is_more
        assert one.state == "verified"
        whole = scope == one.scope
        one.state = "granted" if whole else "granted in part"
        self.model.grants[made] = one.user, scope._replace(expires_s=int(self.now_s) + DAY * days)
        self.is_as_it_is(number)

    @precondition(lambda self: self.asked)
    @rule(data=st.data(), region=WHO, step=st.sampled_from(["confirm", "verify", "refuse"]))
    def look_at_who_asks(self, data: st.DataObject, region: str | None, step: str) -> None:
        number = data.draw(st.sampled_from(sorted(self.asked)))
        one = self.asked[number]
        theirs = one.state != "draft" and (region is None or lies_in(one.scope.region, region))
        site, actor = self.fleet.site, decider(region)
        try:
            if step == "verify":
                requests.verify(site, actor, number)
            elif step == "confirm":
                requests.confirm(site, actor, number, "came with a passport")
            else:
                requests.refuse(site, actor, number, "not now")
        except NotFoundError:
            assert not theirs
            return
        except RemoteError as error:
            assert theirs
            assert error.code == "request-step"
            assert one.state not in _OPEN
            return
        assert theirs
        known = step == "confirm" or one.evidence == "known"
        one.state = "refused" if step == "refuse" else "verified" if known else "not verified"
        self.is_as_it_is(number)

    @precondition(lambda self: self.asked)
    @rule(data=st.data(), user=st.sampled_from([*USERS]))
    def withdraw(self, data: st.DataObject, user: int) -> None:
        number = data.draw(st.sampled_from(sorted(self.asked)))
        one = self.asked[number]
        try:
            requests.withdraw(self.fleet.site, person(user), number)
        except NotFoundError:
            assert user != one.user
            return
        except RemoteError:
            assert one.state not in _OPEN
            return
        assert user == one.user and one.state in _OPEN
        one.state = "withdrawn"
        self.is_as_it_is(number)

    @rule(user=st.sampled_from([*USERS]), number=st.integers(1, 30))
    def look_at_requests(self, user: int, number: int) -> None:
        """One sees one's own."""
        mine = [n for n, one in self.asked.items() if one.user == user]
        assert [one.id for one in requests.mine(self.fleet.site, person(user))] == sorted(mine, reverse=True)
        answer = self.clients[user].get(f"/requests/{number}")
        if number in mine:
            assert answer.status_code == 200
            return
        nowhere = self.clients[user].get("/requests/9999")
        assert (answer.status_code, _without_token(answer.text)) == (404, _without_token(nowhere.text))

    @rule(region=WHO)
    def look_at_the_inbox(self, region: str | None) -> None:
        """Who decides sees what lies in their region, and no draft."""
        found = [one.id for one in requests.inbox(self.fleet.site, decider(region))]
        assert found == [
            number
            for number, one in sorted(self.asked.items())
            if one.state in _OPEN[1:] and (region is None or lies_in(one.scope.region, region))
        ]

    def is_as_it_is(self, number: int) -> None:
        """The remote and the model agree on a request's state."""
        one = self.asked[number]
        assert requests.look(self.fleet.site, person(one.user), number).state == one.state


def _without_token(page: str) -> str:
    """The page without the token of its form, which says the time."""
    return re.sub(r'(name="csrf_token" value=")[^"]+', r"\1", page)
