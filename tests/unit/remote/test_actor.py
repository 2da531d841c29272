"""Who may: use cases decide, whichever way somebody came in."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest
from gridecho.groups import Carry
from gridecho_remote.rules.actor import OPERATOR, Actor, Kind, person
from gridecho_remote.rules.errors import NotAllowedError
from gridecho_remote.use import (
    enrolment,
    granting,
    groups,
    heartbeats,
    loads,
    orders,
    people,
    places,
    quarantine,
    relays,
    sensors,
    undated,
)
from gridecho_remote.use.site import Site

NOBODY = cast(Site, None)  # it is refused before anything is looked at
RELAY = Actor(Kind.RELAY, 1)
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
    ],
)
def test_groups_are_for_administrators(ask: Callable[[Actor], Any]) -> None:
    with pytest.raises(NotAllowedError):
        ask(person(7))


@pytest.mark.parametrize(
    "ask",
    [
        lambda actor: people.add(NOBODY, actor, "ada", admin=True),
        lambda actor: people.reset(NOBODY, actor, "ada"),
        lambda actor: people.set_admin(NOBODY, actor, "ada", admin=True),
        lambda actor: people.all_users(NOBODY, actor),
        lambda actor: enrolment.all_sensors(NOBODY, actor),
        lambda actor: enrolment.enrol_sensor(NOBODY, actor, 7, "a", "b", "c", bytes(32), 1),
        lambda actor: enrolment.enrol_relay(NOBODY, actor, 1, "a", bytes(32)),
        lambda actor: enrolment.replace_relay(NOBODY, actor, 1, "a", bytes(32)),
        lambda actor: enrolment.make_code(NOBODY, actor, "a", 1),
        lambda actor: enrolment.public_text(NOBODY, actor),
        lambda actor: enrolment.import_file(NOBODY, actor, Path(), frozenset()),
        lambda actor: orders.push_config(NOBODY, actor, 7, b""),
        lambda actor: orders.push_firmware(NOBODY, actor, None, b""),
        lambda actor: orders.all_orders(NOBODY, actor),
        lambda actor: quarantine.counts(NOBODY, actor),
        lambda actor: quarantine.take_again(NOBODY, actor),
        lambda actor: quarantine.purge(NOBODY, actor),
        lambda actor: quarantine.not_kept(NOBODY, actor),
        lambda actor: orders.withdraw(NOBODY, actor, 7),
        lambda actor: relays.all_relays(NOBODY, actor),
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
        lambda actor: granting.revoke(NOBODY, actor, 1),
        lambda actor: granting.all_grants(NOBODY, actor),
        lambda actor: granting.grant(
            NOBODY, actor, "ada", region="north", category=None, sensor_id=None, quantities=(), expires_s=None
        ),
    ],
)
def test_who_has_the_database_in_hand_alone_may(ask: Callable[[Actor], Any]) -> None:
    for actor in (person(7), person(7, admin=True), RELAY):
        with pytest.raises(NotAllowedError):
            ask(actor)


@pytest.mark.parametrize(
    "ask",
    [
        lambda actor: sensors.mine(NOBODY, actor),
        lambda actor: sensors.overviews(NOBODY, actor, -1, 1),
        lambda actor: sensors.look(NOBODY, actor, 7),
        lambda actor: sensors.readings(NOBODY, actor, 7, -1, SPAN, 1, None),
        lambda actor: sensors.thinned(NOBODY, actor, 7, -1, SPAN, 1),
        lambda actor: sensors.export(NOBODY, actor, 7, -1, SPAN),
        lambda actor: sensors.undated_readings(NOBODY, actor, 7, -1, 1, None),
        lambda actor: sensors.undated_export(NOBODY, actor, 7, -1),
        lambda actor: sensors.gaps(NOBODY, actor, 7),
    ],
)
def test_readings_are_for_people_with_grants(ask: Callable[[Actor], Any]) -> None:
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
    for actor in (person(2, admin=True), OPERATOR):
        with pytest.raises(NotAllowedError):
            ask(actor)


def test_a_relay_speaks_for_itself_only() -> None:
    with pytest.raises(NotAllowedError):
        heartbeats.take(NOBODY, RELAY, heartbeats.Beat(relay=2))
    with pytest.raises(NotAllowedError):
        loads.take_carry(NOBODY, RELAY, Carry(2, 1, 1, []))


def test_the_operator_is_an_administrator() -> None:
    OPERATOR.require_admin()
    person(7, admin=True).require_admin()
