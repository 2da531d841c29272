"""A curve that was asked for before is given again while it holds, whoever changed what is behind it, and to who may see it."""

from collections.abc import Callable, Iterator
from datetime import datetime
from itertools import count
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from gridecho.quantities import ENERGY_IMPORT, POWER_IMPORT
from gridecho.readings import Reading
from gridecho_remote import open_archive
from gridecho_remote.rules.actor import OPERATOR
from gridecho_remote.rules.days import days_of
from gridecho_remote.store import grants, kept, retention, timeline, undated
from gridecho_remote.store.database import Archive
from gridecho_remote.store.kept import Curves
from gridecho_remote.store.models import Audit, Sensor
from gridecho_remote.store.timeline import Span, Thinned
from gridecho_remote.use import imports
from gridecho_remote.use.ingest import Ingest
from gridecho_remote.use.tidying import tidy

from tests.rigs.fleet import Fleet

ZONE = "Europe/Berlin"
DAYS = days_of(ZONE)
T0 = int(datetime(2026, 10, 20, tzinfo=ZoneInfo(ZONE)).timestamp())
DAY_S, STEP_S = 86_400, 600
E, P = ENERGY_IMPORT, POWER_IMPORT
SPAN = Span(T0 - 40 * DAY_S, T0 + 40 * DAY_S)
POINTS = 40
PATH = f"/api/v1/sensors/7/readings?from={SPAN.from_s}&to={SPAN.to_s}&points={POINTS}&quantities=1-0:1.7.0"


@pytest.fixture
def fleet(make_fleet: Callable[..., Fleet]) -> Fleet:
    """With ten days of sensor 7, a hole among them, and two of sensor 8."""
    fleet = make_fleet(now_s=T0 + 12 * DAY_S, time_zone=ZONE, keep_days={"1-0:1.7.0": 30})
    for sensor_id, days in ((7, 10), (8, 2)):
        for n in range(0, days * 144, 12):
            if n != 600:
                fleet.send(fleet.frame(sensor_id, some(n), n // 12))
    tidy(fleet.site)
    return fleet


@pytest.fixture
def other(fleet: Fleet) -> Iterator[Archive]:
    """The same database, as another process has it open."""
    archive = open_archive(fleet.database, fleet.kek)
    yield archive
    archive.close()


def some(n: int, size: int = 12) -> list[Reading]:
    return [Reading(T0 + STEP_S * i, {E: 1_000 + 5 * i, P: i * 31 % 3_000}) for i in range(n, n + size)]


def asked(fleet: Fleet, sensor_id: int = 7, points: int = POINTS) -> Thinned:
    return fleet.site.curves.thinned(fleet.archive, DAYS, sensor_id, P, SPAN, points)


def anew(fleet: Fleet, sensor_id: int = 7, points: int = POINTS) -> Thinned:
    return timeline.thinned(fleet.archive, DAYS, sensor_id, P, SPAN, points)


def late(fleet: Fleet, other: Archive) -> None:
    fleet.send(fleet.frame(7, some(600), 50))


def ahead(fleet: Fleet, other: Archive) -> None:
    fleet.send(fleet.frame(7, [Reading(T0 + 10 * DAY_S + 60, {P: 9_999})], 9_000))


def by_another_process(fleet: Fleet, other: Archive) -> None:
    body = fleet.batch(1, [fleet.frame(7, some(600), 50)])
    Ingest(other, DAYS).take(body, int(1_000 * fleet.clock()))


def imported(fleet: Fleet, other: Archive) -> None:
    rows = [f"{T0 - 900 * n},{n}" for n in range(60, 0, -1)]
    imports.take(fleet.site, OPERATOR, 7, "\n".join(["time,1-0:1.7.0", *rows, ""]).encode(), "a file.csv")


def taken_back(fleet: Fleet, other: Archive) -> None:
    (number,) = [one.id for one in imports.all_of(fleet.site, OPERATOR, 7)]
    imports.take_back(fleet.site, OPERATOR, 7, number)


def dated(fleet: Fleet, other: Archive) -> None:
    undated.date(fleet.archive, 7, 2, T0 + 11 * DAY_S, 60, DAYS)


def dated_anew(fleet: Fleet, other: Archive) -> None:
    undated.date(fleet.archive, 7, 2, T0 + 11 * DAY_S - 3_600, 60, DAYS)


CHANGES = {
    "late": [late],
    "ahead": [ahead],
    "by another process": [by_another_process],
    "an import": [imported, taken_back],
    "dated": [dated, dated_anew],
}


@pytest.mark.parametrize("what", CHANGES)
@pytest.mark.parametrize("points", [POINTS, 5_000])
def test_no_change_leaves_an_old_curve(fleet: Fleet, other: Archive, what: str, points: int) -> None:
    if what == "dated":
        fleet.send(fleet.frame(7, [Reading(0, {P: 5_000 + n}) for n in range(20)], 0, epoch=2))
    for change in CHANGES[what]:
        before = asked(fleet, points=points)
        assert before == anew(fleet, points=points)
        assert asked(fleet, points=points) is before
        change(fleet, other)
        after = asked(fleet, points=points)
        assert after == anew(fleet, points=points)
        assert after != before
        tidy(fleet.site)  # which changes nothing that is told
        assert asked(fleet, points=points) is after
        assert asked(fleet, points=points).items == anew(fleet, points=points).items


def test_readings_that_went_for_their_age_are_in_no_kept_curve(fleet: Fleet) -> None:
    before = asked(fleet, points=5_000)
    assert len(before.items) == 10 * 144 - 12
    fleet.clock.now_s = float(T0 + 35 * DAY_S)
    tidy(fleet.site)
    after = asked(fleet, points=5_000)
    assert after == anew(fleet, points=5_000)
    assert len(after.items) < len(before.items)


def test_another_sensors_readings_change_nothing(fleet: Fleet) -> None:
    before, others = asked(fleet), asked(fleet, 8)
    fleet.send(fleet.frame(8, some(300), 25))
    assert asked(fleet) is before
    assert asked(fleet, 8) != others


def test_what_was_undone_is_no_change(fleet: Fleet) -> None:
    before = asked(fleet)
    with pytest.raises(ZeroDivisionError), fleet.archive.writing() as connection:
        connection.execute("UPDATE sensor SET changes = changes + 1 WHERE id = 7")
        raise ZeroDivisionError
    assert asked(fleet) is before


def test_a_change_while_a_curve_is_made_is_seen_by_the_next(
    fleet: Fleet, other: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is kept is of the moment of the count that is kept with it, not of the one after it."""
    right = timeline.thinned

    def slow(*given: object) -> Thinned:
        monkeypatch.setattr(kept.timeline, "thinned", right)
        by_another_process(fleet, other)
        return right(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(kept.timeline, "thinned", slow)
    before = asked(fleet)
    after = asked(fleet)
    assert after == anew(fleet)
    assert before != after


def test_what_is_kept_is_bounded(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "_MOST_ITEMS", 100)
    curves = Curves()
    found = [curves.thinned(fleet.archive, DAYS, 7, P, SPAN, points) for points in range(10, 60)]
    assert sum(len(one.items) for one in found) > 1_000
    assert 0 < sum(len(one.items) for _, one in curves._kept.values()) <= 100
    large = curves.thinned(fleet.archive, DAYS, 7, P, SPAN, 5_000)
    assert curves.thinned(fleet.archive, DAYS, 7, P, SPAN, 5_000) == large
    assert sum(len(one.items) for _, one in curves._kept.values()) <= 100


def test_nothing_is_kept_of_data_on_other_servers(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    before = asked(fleet)
    monkeypatch.setattr(type(fleet.archive.connection()), "apart", True, raising=False)
    if fleet.database.startswith("postgresql"):
        monkeypatch.setattr(fleet.archive.engine, "apart", True)
    assert asked(fleet) is not before
    assert asked(fleet) == before


def test_who_asks_for_a_kept_curve_may_see_it_and_is_noted(fleet: Fleet, tmp_path: Path) -> None:
    clients = [fleet.person(name) for name in ("ada", "bob")]
    numbers = [grants.add_grant(fleet.archive, name, region="north") for name in ("ada", "bob")]
    answers = [client.get(PATH).json for client in clients]
    assert answers[0]["readings"] == answers[1]["readings"] != []
    looks = Audit.select().where(Audit.what == "sensors.thinned").count(fleet.archive.db)
    assert looks == 2
    grants.revoke_grant(fleet.archive, numbers[0])
    assert [client.get(PATH).status_code for client in clients] == [404, 200]
    # Of a grant with other bounds it is another curve.
    until_s = T0 + 3 * DAY_S
    grants.add_grant(fleet.archive, "ada", sensor_id=7, until_s=until_s)
    part = clients[0].get(PATH).json["readings"]
    assert 0 < max(one["time"] for one in part) < until_s


def test_each_change_counts_once_for_each_sensor(fleet: Fleet) -> None:
    def counts() -> dict[int, int]:
        return dict(Sensor.select(Sensor.id, Sensor.changes).tuples().execute(fleet.archive.db))

    before, seq = counts(), count(1_000)
    frames = [fleet.frame(sensor_id, some(2_000 + 12 * n), next(seq)) for sensor_id in (7, 9) for n in range(3)]
    fleet.send(*frames)
    assert counts() == {7: before[7] + 1, 8: before[8], 9: before[9] + 1}
    fleet.send(*frames)  # again: nothing is new
    assert counts() == {7: before[7] + 1, 8: before[8], 9: before[9] + 1}
    retention.mark(fleet.archive, DAYS, fleet.clock(), {P: 30})
    tidy(fleet.site)
    assert counts() == {7: before[7] + 1, 8: before[8], 9: before[9] + 1}
