"""From a stranger's request to what they see: who they are is looked at, all or a part is granted, both sides are told."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from gridecho_remote.outside.mail import MailError
from gridecho_remote.outside.registry import RegistryError
from gridecho_remote.rules.actor import OPERATOR, Actor, person
from gridecho_remote.rules.errors import NotAllowedError, NotFoundError, RemoteError
from gridecho_remote.rules.reasons import reason
from gridecho_remote.rules.requests import State
from gridecho_remote.rules.roles import role
from gridecho_remote.rules.scopes import Resolution, Scope
from gridecho_remote.rules.verification import Claim
from gridecho_remote.store import audit, users
from gridecho_remote.store import requests as kept
from gridecho_remote.use import granting, notices, people, requests, sensors
from gridecho_remote.use.audit import newest

from tests.rigs.fleet import Fleet

ADA = Claim("Ada Wong", "Statistics Office", "analyst", "S-1001")
ASKED = Scope(region="north/city-a", category="residential", resolution=Resolution.DAY, export=False)
FIELDS = {"name": "name", "organisation": "department"}


class Register:
    """One that knows whom a test says, or fails as a test says."""

    def __init__(self) -> None:
        self.people: dict[str, dict[str, Any]] = {"S-1001": {"name": "Ada Wong", "department": "Statistics Office"}}
        self.fails: RegistryError | None = None

    def look_up(self, claim: Claim) -> dict[str, Any] | None:
        if self.fails:
            raise self.fails
        return self.people.get(claim.evidence)


class Letters:
    """A box; with `fails`, one that takes nothing."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str, str]] = []
        self.fails: MailError | None = None

    def send(self, to: str, subject: str, text: str, number: str, at_s: float) -> None:
        if self.fails:
            raise self.fails
        self.sent.append((to, subject, number))


@pytest.fixture
def register() -> Register:
    return Register()


@pytest.fixture
def letters() -> Letters:
    return Letters()


@pytest.fixture
def fleet(make_fleet: Callable[..., Fleet], register: Register, letters: Letters) -> Fleet:
    fleet = make_fleet(registry_fields=FIELDS)
    fleet.site = replace(fleet.site, registry=register, post=letters)
    return fleet


@pytest.fixture
def ada(fleet: Fleet) -> Actor:
    return somebody(fleet, "ada")


def somebody(fleet: Fleet, name: str, *regions: str) -> Actor:
    """A user who administers these regions."""
    people.add(fleet.site, OPERATOR, name)
    roles = [role("administrator", region) for region in regions]
    for one in roles:
        people.give_role(fleet.site, OPERATOR, name, one)
    people.set_email(fleet.site, OPERATOR, name, f"{name}@office.example")
    return person(users.user_id(fleet.archive, name), roles)


def asked(fleet: Fleet, actor: Actor, claim: Claim = ADA, scope: Scope = ASKED) -> int:
    number = requests.draft(fleet.site, actor, claim, "energy of homes by day", scope, 365)
    requests.ask(fleet.site, actor, number)
    return number


def state(fleet: Fleet, number: int) -> State:
    return requests.look(fleet.site, OPERATOR, number).state


def told(fleet: Fleet, actor: Actor) -> list[tuple[str, str]]:
    return [(one.told.code, one.told.fields["state"]) for one in notices.mine(fleet.site, actor)]


def test_from_the_request_to_what_is_seen(fleet: Fleet, ada: Actor) -> None:
    boss = somebody(fleet, "boss", "north")
    number = asked(fleet, ada)
    one = requests.look(fleet.site, boss, number)
    assert one.state is State.VERIFIED
    found = requests.finding_of(one)
    assert found is not None
    assert (found[0], found[2]) == (True, {"name": "Ada Wong", "organisation": "Statistics Office"})
    assert requests.inbox(fleet.site, boss) == [one]
    would = requests.would_see(fleet.site, boss, one)
    assert (would.sensors, would.new) == (1, 1)
    assert sensors.mine(fleet.site, ada) == []
    requests.grant(fleet.site, boss, number)
    assert [sensor.id for sensor in sensors.mine(fleet.site, ada)] == [7]
    assert state(fleet, number) is State.GRANTED
    assert requests.inbox(fleet.site, boss) == []
    assert told(fleet, ada) == [("notice-request", "granted"), ("notice-request", "verified")]
    assert told(fleet, boss) == [("notice-request", "verified"), ("notice-request", "asked")]
    fleet.clock.now_s += 365 * 86_400
    assert sensors.mine(fleet.site, ada) == []


def test_each_step_is_in_the_audit_and_no_more_of_who_asks_than_is_needed(fleet: Fleet, ada: Actor) -> None:
    number = asked(fleet, ada)
    requests.grant(fleet.site, OPERATOR, number, 30, category="residential", resolution=Resolution.MONTH)
    entries = newest(fleet.site, OPERATOR, 100, f"request {number}")
    assert [entry.what for entry in entries] == [
        "requests.grant_part", "requests.verify", "requests.ask", "requests.draft",
    ]  # fmt: skip
    assert entries[0].fields["state"] == "granted in part"
    found = entries[1].fields["found"]
    assert isinstance(found, dict)
    assert found["how"] == "registry"


@pytest.mark.parametrize(
    ("claim", "fails", "code"),
    [
        (ADA, RegistryError(reason("verify-away", why="TimeoutError")), "verify-away"),
        (ADA, RegistryError(reason("verify-answer", why="it is not JSON")), "verify-answer"),
        (Claim("Ada Wong", "Statistics Office", "analyst", "S-1002"), None, "verify-nobody"),
        (Claim("Eve", "Statistics Office", "analyst", "S-1001"), None, "verify-differs"),
    ],
)
def test_nothing_is_granted_to_who_is_not_verified(
    fleet: Fleet, ada: Actor, register: Register, claim: Claim, fails: RegistryError | None, code: str
) -> None:
    register.fails = fails
    number = asked(fleet, ada, claim)
    assert state(fleet, number) is State.UNVERIFIED
    found = requests.finding_of(requests.look(fleet.site, OPERATOR, number))
    assert found is not None
    assert found[1].code == code
    with pytest.raises(RemoteError, match="request-step"):
        requests.grant(fleet.site, OPERATOR, number)
    register.fails = None
    requests.confirm(fleet.site, OPERATOR, number, "met in person, passport seen")
    requests.grant(fleet.site, OPERATOR, number)
    assert state(fleet, number) is State.GRANTED


def test_who_was_verified_may_not_be_any_more(fleet: Fleet, ada: Actor, register: Register) -> None:
    number = asked(fleet, ada)
    register.people.clear()
    requests.verify(fleet.site, OPERATOR, number)
    with pytest.raises(RemoteError, match="request-step"):
        requests.grant(fleet.site, OPERATOR, number)


def test_without_a_register_only_an_administrator_can_say_who_it_is(make_fleet: Callable[..., Fleet]) -> None:
    fleet = make_fleet()
    ada = somebody(fleet, "ada")
    number = asked(fleet, ada)
    assert state(fleet, number) is State.ASKED
    with pytest.raises(RemoteError, match="registry-none"):
        requests.verify(fleet.site, OPERATOR, number)


@pytest.mark.parametrize(
    ("less", "days"),
    [
        ({"region": "north"}, None),
        ({"region": None}, None),
        ({"category": None}, None),
        ({"resolution": Resolution.RAW}, None),
        ({"export": True}, None),
        ({}, 366),
        ({}, 0),
    ],
)
def test_no_more_is_granted_than_was_asked_for(
    fleet: Fleet, ada: Actor, less: dict[str, Any], days: int | None
) -> None:
    number = asked(fleet, ada)
    with pytest.raises(RemoteError, match="grant-not-asked"):
        requests.grant(fleet.site, OPERATOR, number, days, **less)
    assert state(fleet, number) is State.VERIFIED


def test_who_administers_another_region_sees_and_decides_nothing(fleet: Fleet, ada: Actor) -> None:
    number = asked(fleet, ada)
    south, part = somebody(fleet, "south", "south"), somebody(fleet, "part", "north/city-a/old")
    for stranger in (south, part, somebody(fleet, "eve")):
        for attempt, words in (
            (requests.look, ()),
            (requests.verify, ()),
            (requests.confirm, ("x",)),
            (requests.grant, ()),
            (requests.refuse, ("x",)),
            (requests.withdraw, ()),
        ):
            with pytest.raises(NotFoundError) as said:
                attempt(fleet.site, stranger, number, *words)
            with pytest.raises(NotFoundError) as of_none:
                requests.look(fleet.site, stranger, number + 1)
            assert said.value.code == of_none.value.code == "request-unknown"
    assert requests.inbox(fleet.site, south) == []
    with pytest.raises(NotAllowedError):
        requests.inbox(fleet.site, ada)
    assert state(fleet, number) is State.VERIFIED


def test_nobody_decides_on_their_own_request(fleet: Fleet) -> None:
    boss = somebody(fleet, "boss", "north")
    number = asked(fleet, boss)
    for attempt in (
        lambda: requests.grant(fleet.site, boss, number),
        lambda: requests.confirm(fleet.site, boss, number, "it is me"),
    ):
        with pytest.raises(RemoteError, match="request-own"):
            attempt()


def test_no_step_is_taken_without_its_row(fleet: Fleet, ada: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    drafted = requests.draft(fleet.site, ada, ADA, "p", ASKED, 30)
    number = asked(fleet, ada)
    before = [requests.look(fleet.site, ada, one) for one in (drafted, number)]
    grants = granting.all_grants(fleet.site, OPERATOR)
    told_before = notices.mine(fleet.site, ada)
    monkeypatch.setattr(audit, "put", lambda *_: (_ for _ in ()).throw(ZeroDivisionError))
    for step, words in (
        (requests.verify, ()),
        (requests.confirm, ("x",)),
        (requests.grant, ()),
        (requests.refuse, ("x",)),
    ):
        with pytest.raises(ZeroDivisionError):
            step(fleet.site, OPERATOR, number, *words)
    with pytest.raises(ZeroDivisionError):
        requests.withdraw(fleet.site, ada, number)
    with pytest.raises(ZeroDivisionError):
        requests.ask(fleet.site, ada, drafted)
    with pytest.raises(ZeroDivisionError):
        requests.draft(fleet.site, ada, ADA, "p", ASKED, 30)
    assert [requests.look(fleet.site, ada, one) for one in (drafted, number)] == before
    assert len(requests.mine(fleet.site, ada)) == 2
    assert granting.all_grants(fleet.site, OPERATOR) == grants
    assert notices.mine(fleet.site, ada) == told_before


def test_a_draft_is_its_owners_only(fleet: Fleet, ada: Actor) -> None:
    boss = somebody(fleet, "boss", "north")
    number = requests.draft(fleet.site, ada, ADA, "p", ASKED, 30)
    with pytest.raises(NotFoundError):
        requests.look(fleet.site, boss, number)
    assert requests.inbox(fleet.site, boss) == []
    assert notices.mine(fleet.site, boss) == []


def test_refused_with_a_reason_and_withdrawn(fleet: Fleet, ada: Actor) -> None:
    number = asked(fleet, ada)
    requests.refuse(fleet.site, OPERATOR, number, "homes only by month")
    assert requests.look(fleet.site, ada, number).reason == "homes only by month"
    assert notices.mine(fleet.site, ada)[0].told.fields["text"] == "homes only by month"
    with pytest.raises(RemoteError, match="request-step"):
        requests.withdraw(fleet.site, ada, number)
    other = asked(fleet, ada)
    requests.withdraw(fleet.site, ada, other)
    assert state(fleet, other) is State.WITHDRAWN


def test_a_flood_ends_at_its_limit(fleet: Fleet, ada: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(requests.MOST_OPEN):
        asked(fleet, ada)
    with pytest.raises(RemoteError, match="request-many"):
        asked(fleet, ada)
    requests.withdraw(fleet.site, ada, requests.mine(fleet.site, ada)[0].id)
    monkeypatch.setattr(requests, "MOST_OPEN_IN_ALL", requests.MOST_OPEN - 1)
    with pytest.raises(RemoteError, match="requests-full"):
        asked(fleet, somebody(fleet, "bob"))


def test_what_nobody_sees_to_expires(fleet: Fleet, ada: Actor) -> None:
    number = asked(fleet, ada)
    fleet.clock.now_s += 59 * 86_400
    assert requests.expire(fleet.site, OPERATOR) == 0
    fleet.clock.now_s += 2 * 86_400
    assert requests.expire(fleet.site, OPERATOR) == 1
    assert requests.expire(fleet.site, OPERATOR) == 0
    assert state(fleet, number) is State.EXPIRED
    assert told(fleet, ada)[0] == ("notice-request", "expired")


def test_of_two_who_decide_at_once_one_does(fleet: Fleet, ada: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    number = asked(fleet, ada)
    before = requests.look(fleet.site, OPERATOR, number)
    requests.refuse(fleet.site, OPERATOR, number, "no")
    monkeypatch.setattr(kept, "find", lambda *_: before)
    with pytest.raises(RemoteError, match="request-moved"):
        requests.grant(fleet.site, OPERATOR, number)
    monkeypatch.undo()
    assert state(fleet, number) is State.REFUSED
    assert sensors.mine(fleet.site, ada) == []


def test_letters_are_sent_once_and_again_after_a_failure(fleet: Fleet, ada: Actor, letters: Letters) -> None:
    asked(fleet, ada)
    assert notices.send(fleet.site) == 1
    assert notices.send(fleet.site) == 0
    assert [(to, subject.partition(" of ")[0]) for to, subject, _ in letters.sent] == [
        ("ada@office.example", "gridecho: request 1")
    ]
    letters.fails = MailError("ConnectionRefusedError")
    requests.withdraw(fleet.site, ada, 1)
    number = asked(fleet, ada)
    assert notices.send(fleet.site) == 1
    letters.fails = None
    assert notices.send(fleet.site) == 0
    fleet.clock.now_s += 61
    assert notices.send(fleet.site) == 1
    assert len(letters.sent) == 2
    letters.fails = MailError("no such address", for_good=True)
    requests.refuse(fleet.site, OPERATOR, number, "no")
    notices.send(fleet.site)
    letters.fails = None
    fleet.clock.now_s += 10 * 86_400
    assert notices.send(fleet.site) == 0


def test_a_process_that_died_at_a_letter_leaves_it_to_others(fleet: Fleet, ada: Actor, letters: Letters) -> None:
    class Killed(BaseException):
        """As kill -9 would."""

    asked(fleet, ada)
    letters.fails = Killed()  # type: ignore[assignment]
    with pytest.raises(Killed):
        notices.send(fleet.site)
    letters.fails = None
    assert notices.send(fleet.site) == 0, "another process has it"
    fleet.clock.now_s += 601
    assert notices.send(fleet.site) == 1
    assert len(letters.sent) == 1


def test_who_gave_no_address_reads_it_here_only(fleet: Fleet, ada: Actor, letters: Letters) -> None:
    people.set_email(fleet.site, OPERATOR, "ada", None)
    asked(fleet, ada)
    notices.send(fleet.site)
    assert letters.sent == []
    assert notices.unread(fleet.site, ada) == 1
    notices.mark_read(fleet.site, ada, notices.mine(fleet.site, ada)[0].id)
    assert notices.unread(fleet.site, ada) == 0


def test_what_was_told_before_there_was_a_server_of_mail_is_not_sent_later(
    fleet: Fleet, ada: Actor, letters: Letters
) -> None:
    asked(replace_post(fleet, None), ada)
    assert notices.unread(fleet.site, ada) == 1
    asked(replace_post(fleet, letters), ada)
    assert notices.send(fleet.site) == 1
    assert len(letters.sent) == 1


def replace_post(fleet: Fleet, post: Letters | None) -> Fleet:
    fleet.site = replace(fleet.site, post=post)
    return fleet
