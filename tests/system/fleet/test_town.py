"""Sensors, relays and remote as processes: the fastest relay is killed, and a storm on the LAN."""

from collections.abc import Iterator

import pytest

from tests.rigs.town import Town
from tests.rigs.town_runs import storm, switch, town_of

SWITCHING, IN_STORM = range(1001, 1011), range(5001, 5011)


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    with town_of(tmp_path_factory.mktemp("town"), [*SWITCHING, *IN_STORM]) as made:
        yield made


def test_all_go_on_with_the_next_relay_when_the_fastest_is_killed(town: Town) -> None:
    print(*switch(town, "killed", SWITCHING, 300).lines(), sep="\n")


def test_all_arrives_once_as_it_was(town: Town) -> None:
    print(storm(town, {1: IN_STORM}, readings=30, period_ms=200))
