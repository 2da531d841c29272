"""Who may: use cases decide, whichever way somebody came in."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

import pytest
from gridecho.groups import Carry
from gridecho_remote.rules.actor import OPERATOR, Actor, Kind, person
from gridecho_remote.rules.errors import NotAllowedError, RemoteError
from gridecho_remote.rules.roles import role
from gridecho_remote.rules.scopes import Scope
from gridecho_remote.use import (
    audit,
    auditing,
    enrolment,
    finding,
    first,
    fleet,
    granting,
    green,
    groups,
    heartbeats,
    loads,
    openid,
    orders,
    organisations,
    people,
    places,
    quarantine,
    relays,
    second,
    sensors,
    sessions,
    setting_up,
    summary,
    undated,
)
from gridecho_remote.use.site import Site

NOBODY = cast(Site, None)  # it is refused before anything is looked at
RELAY = Actor(Kind.RELAY, 1)
AUDITOR = role("auditor")
EVERY_ROLE = [role("operator"), role("administrator"), AUDITOR]
SPAN = sensors.Span(0, 1)


@pytest.mark.parametrize(
    "ask",
    [
        lambda actor: groups.all_groups(NOBODY, actor),
        lambda actor: groups.show(NOBODY, actor, "1"),
        lambda actor: groups.show_term(NOBODY, actor, "1", 1),
        lambda actor: groups.relays_outside(NOBODY, actor),
        lambda actor: groups.add(NOBODY, actor, "north", 3600, None, 60),
        lambda actor: groups.change(NOBODY, actor, "1", period_s=60),
        lambda actor: groups.remove(NOBODY, actor, "1"),
        lambda actor: groups.join(NOBODY, actor, "1", [1]),
        lambda actor: groups.leave(NOBODY, actor, "1", [1]),
        lambda actor: groups.rotate(NOBODY, actor, "1"),
        lambda actor: enrolment.make_code(NOBODY, actor, "a", 1),
        lambda actor: enrolment.public_text(NOBODY, actor),
        lambda actor: enrolment.import_text(NOBODY, actor, "{}"),
        lambda actor: setting_up.progress(NOBODY, actor),
        lambda actor: setting_up.describe(NOBODY, actor, "a"),
        lambda actor: relays.all_relays(NOBODY, actor),
        lambda actor: orders.all_orders(NOBODY, actor),
        lambda actor: quarantine.alarms(NOBODY, actor),
        lambda actor: fleet.ways(NOBODY, actor),
        lambda actor: fleet.relay_name(NOBODY, actor, 1),
        lambda actor: fleet.ordered(NOBODY, actor),
        lambda actor: fleet.firmwares(NOBODY, actor),
        lambda actor: fleet.that_run(NOBODY, actor, 1),
        lambda actor: fleet.alarms(NOBODY, actor),
    ],
)
def test_groups_and_the_fleet_are_for_operators(ask: Callable[[Actor], Any]) -> None:
    for actor in (person(7), person(7, [role("administrator"), AUDITOR]), RELAY):
        with pytest.raises(NotAllowedError):
            ask(actor)


@pytest.mark.parametrize(
    "ask",
    [
        lambda actor: people.add(NOBODY, actor, "ada", [AUDITOR]),
        lambda actor: people.reset(NOBODY, actor, "ada"),
        lambda actor: first.offer(NOBODY, actor),
        lambda actor: second.remove_of_user(NOBODY, actor, "ada"),
        lambda actor: openid.identify(NOBODY, actor, "ada", "x"),
        lambda actor: openid.forget(NOBODY, actor, "ada"),
        lambda actor: people.set_organisation(NOBODY, actor, "ada", None),
        lambda actor: people.set_email(NOBODY, actor, "ada", None),
        lambda actor: organisations.add(NOBODY, actor, "office"),
        lambda actor: organisations.remove(NOBODY, actor, "office"),
        lambda actor: organisations.all_organisations(NOBODY, actor),
        lambda actor: people.all_users(NOBODY, actor),
        lambda actor: enrolment.all_sensors(NOBODY, actor),
        lambda actor: enrolment.enrol_sensor(NOBODY, actor, 7, "a", "b", "c", bytes(32), 1),
        lambda actor: enrolment.enrol_relay(NOBODY, actor, 1, "a", bytes(32)),
        lambda actor: enrolment.replace_relay(NOBODY, actor, 1, "a", bytes(32)),
        lambda actor: enrolment.import_file(NOBODY, actor, Path(), frozenset()),
        lambda actor: orders.push_config(NOBODY, actor, 7, b""),
        lambda actor: orders.push_firmware(NOBODY, actor, None, b""),
        lambda actor: quarantine.counts(NOBODY, actor),
        lambda actor: quarantine.take_again(NOBODY, actor),
        lambda actor: quarantine.purge(NOBODY, actor),
        lambda actor: quarantine.not_kept(NOBODY, actor),
        lambda actor: orders.withdraw(NOBODY, actor, 7),
        lambda actor: relays.pull_span(NOBODY, actor, 7, 0, None, 1),
        lambda actor: relays.pull_data(NOBODY, actor, 7, 1, 0, 1, 1),
        lambda actor: undated.stretches(NOBODY, actor),
        lambda actor: undated.date(NOBODY, actor, 7, 1, 0, 60),
        lambda actor: places.move(NOBODY, actor, 7, "north"),
        lambda actor: places.categorise(NOBODY, actor, 7, "public"),
        lambda actor: places.label(NOBODY, actor, 7, ["a"], []),
        lambda actor: places.begin_contract(NOBODY, actor, 7, None, 0),
        lambda actor: places.end_contract(NOBODY, actor, 1, 1),
        lambda actor: places.contracts(NOBODY, actor),
    ],
)
def test_who_has_the_database_in_hand_alone_may(ask: Callable[[Actor], Any]) -> None:
    for actor in (person(7), person(7, EVERY_ROLE), RELAY):
        with pytest.raises(NotAllowedError):
            ask(actor)


@pytest.mark.parametrize(
    "ask",
    [
        lambda actor: sessions.of_user(NOBODY, actor, "ada"),
        lambda actor: sessions.end_of_user(NOBODY, actor, "ada"),
        lambda actor: people.listed(NOBODY, actor),
        lambda actor: people.look(NOBODY, actor, "ada"),
    ],
)
def test_people_and_their_logins_are_for_who_runs_the_fleet_or_decides_on_all(ask: Callable[[Actor], Any]) -> None:
    for actor in (person(7), person(7, [role("administrator", "north"), AUDITOR]), RELAY):
        with pytest.raises(NotAllowedError):
            ask(actor)


@pytest.mark.parametrize(
    "ask",
    [
        lambda actor: people.give_role(NOBODY, actor, "ada", AUDITOR),
        lambda actor: people.take_role(NOBODY, actor, "ada", AUDITOR),
    ],
)
def test_roles_are_for_who_decides_on_all(ask: Callable[[Actor], Any]) -> None:
    for actor in (person(7), person(7, [role("operator"), role("administrator", "north"), AUDITOR]), RELAY):
        with pytest.raises(NotAllowedError):
            ask(actor)


@pytest.mark.parametrize(
    "ask",
    [
        lambda actor: audit.newest(NOBODY, actor, 1),
        lambda actor: audit.verify(NOBODY, actor),
        lambda actor: auditing.found(NOBODY, actor, auditing.Sought()),
        lambda actor: auditing.verified(NOBODY, actor),
    ],
)
def test_the_audit_is_for_auditors(ask: Callable[[Actor], Any]) -> None:
    for actor in (person(7), person(7, [role("operator"), role("administrator")]), RELAY):
        with pytest.raises(NotAllowedError):
            ask(actor)


@pytest.mark.parametrize(
    "ask",
    [
        lambda actor: granting.listed(NOBODY, actor),
        lambda actor: granting.look(NOBODY, actor, 1),
        lambda actor: granting.revoke(NOBODY, actor, 1),
        lambda actor: granting.narrow(NOBODY, actor, 1, export=False),
        lambda actor: granting.all_grants(NOBODY, actor),
        lambda actor: granting.grant(NOBODY, actor, "ada", Scope(region="north")),
        lambda actor: granting.preview(NOBODY, actor, "ada", Scope(region="north")),
    ],
)
def test_grants_are_for_administrators(ask: Callable[[Actor], Any]) -> None:
    for actor in (person(7), person(7, [role("operator"), AUDITOR]), RELAY):
        with pytest.raises(NotAllowedError):
            ask(actor)


@pytest.mark.parametrize(
    "ask",
    [
        lambda actor: sensors.mine(NOBODY, actor),
        lambda actor: sensors.overviews(NOBODY, actor, -1, 1),
        lambda actor: finding.find(NOBODY, actor, finding.Asked()),
        lambda actor: summary.summary(NOBODY, actor),
        lambda actor: sensors.look(NOBODY, actor, 7),
        lambda actor: sensors.readings(NOBODY, actor, 7, -1, SPAN, 1, None),
        lambda actor: sensors.thinned(NOBODY, actor, 7, -1, SPAN, 1),
        lambda actor: sensors.export(NOBODY, actor, 7, -1, SPAN),
        lambda actor: green.export(NOBODY, actor, 7, -1, SPAN, None),
        lambda actor: sensors.undated_readings(NOBODY, actor, 7, -1, 1, None),
        lambda actor: sensors.undated_export(NOBODY, actor, 7, -1),
        lambda actor: sensors.gaps(NOBODY, actor, 7),
        lambda actor: sessions.mine(NOBODY, actor),
        lambda actor: sessions.end(NOBODY, actor, 1),
        lambda actor: sessions.end_others(NOBODY, actor, 1),
        lambda actor: people.me(NOBODY, actor),
        lambda actor: second.mine(NOBODY, actor),
        lambda actor: second.address(NOBODY, actor),
        lambda actor: second.prepare(NOBODY, actor),
        lambda actor: second.confirm(NOBODY, actor, "0"),
        lambda actor: second.new_codes(NOBODY, actor, "0"),
        lambda actor: second.end(NOBODY, actor, "0"),
        lambda actor: people.log_out(NOBODY, actor, 1),
        lambda actor: people.set_password(NOBODY, actor, "x" * 10, 1),
    ],
)
def test_readings_and_an_account_are_a_persons(ask: Callable[[Actor], Any]) -> None:
    for actor in (RELAY, OPERATOR):
        with pytest.raises(NotAllowedError):
            ask(actor)


@pytest.mark.parametrize(
    "ask",
    [
        lambda actor: relays.keys(NOBODY, actor, None),
        lambda actor: orders.waiting(NOBODY, actor, None),
        lambda actor: orders.sealed(NOBODY, actor, 7),
        lambda actor: heartbeats.take(NOBODY, actor, heartbeats.Beat(relay=2)),
        lambda actor: loads.take_carry(NOBODY, actor, Carry(2, 1, 1, [])),
    ],
)
def test_what_relays_are_told_is_for_them(ask: Callable[[Actor], Any]) -> None:
    for actor in (person(2, EVERY_ROLE), OPERATOR):
        with pytest.raises(NotAllowedError):
            ask(actor)


def test_a_relay_speaks_for_itself_only() -> None:
    with pytest.raises(NotAllowedError):
        heartbeats.take(NOBODY, RELAY, heartbeats.Beat(relay=2))
    with pytest.raises(NotAllowedError):
        loads.take_carry(NOBODY, RELAY, Carry(2, 1, 1, []))


def test_the_operator_has_every_role() -> None:
    for actor in (OPERATOR, person(7, EVERY_ROLE)):
        actor.require_operator()
        actor.require_auditor()
        actor.require_administrator()
        actor.require_administrator("")
        actor.require_administrator("north/city-a")


def test_each_role_is_for_its_own() -> None:
    for one in EVERY_ROLE:
        allowed = []
        for ask in (Actor.require_operator, Actor.require_administrator, Actor.require_auditor):
            with suppress(NotAllowedError):
                ask(person(7, [one]))
                allowed.append(ask.__name__)
        assert allowed == [f"require_{one.kind}"]
    for actor in (RELAY, person(7)):
        for ask in (Actor.require_operator, Actor.require_administrator, Actor.require_auditor):
            with pytest.raises(NotAllowedError):
                ask(actor)


@pytest.mark.parametrize(
    ("region", "allowed"),
    [
        ("north/city-a", True),
        ("north/city-a/mill", True),
        ("south", True),
        ("south/x", True),
        ("north", False),
        ("", False),
        ("north/city-ab", False),
        ("north/city-b", False),
    ],
)
def test_an_administrator_is_one_of_their_regions(region: str, allowed: bool) -> None:
    actor = person(7, [role("administrator", "/north/city-a/"), role("administrator", "south")])
    if allowed:
        actor.require_administrator(region)
    else:
        with pytest.raises(NotAllowedError):
            actor.require_administrator(region)


@pytest.mark.parametrize(("kind", "region"), [("operator", "north"), ("auditor", "a"), ("administrator", "x" * 256)])
def test_roles_that_cannot_be(kind: str, region: str) -> None:
    with pytest.raises(RemoteError, match="region"):
        role(kind, region)
