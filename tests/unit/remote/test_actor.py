"""Who may: use cases decide, whichever way somebody came in."""

from collections.abc import Callable
from typing import Any, cast

import pytest
from gridecho_remote.rules.actor import OPERATOR, Actor
from gridecho_remote.rules.errors import NotAllowedError
from gridecho_remote.use import granting, groups, people
from gridecho_remote.use.site import Site

NOBODY = cast(Site, None)  # it is refused before anything is looked at


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
        ask(Actor(7, admin=False))


@pytest.mark.parametrize(
    "ask",
    [
        lambda actor: people.add(NOBODY, actor, "ada", admin=True),
        lambda actor: people.reset(NOBODY, actor, "ada"),
        lambda actor: people.set_admin(NOBODY, actor, "ada", admin=True),
        lambda actor: people.all_users(NOBODY, actor),
        lambda actor: granting.revoke(NOBODY, actor, 1),
        lambda actor: granting.all_grants(NOBODY, actor),
        lambda actor: granting.grant(
            NOBODY, actor, "ada", region="north", category=None, sensor_id=None, quantities=(), expires_s=None
        ),
    ],
)
def test_users_and_grants_are_for_the_operator(ask: Callable[[Actor], Any]) -> None:
    for admin in (False, True):
        with pytest.raises(NotAllowedError):
            ask(Actor(7, admin=admin))


def test_the_operator_is_an_administrator() -> None:
    OPERATOR.require_admin()
    Actor(7, admin=True).require_admin()
