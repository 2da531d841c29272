"""Grants are looked at before they are given, narrowed and revoked; by who administers their region, and nobody else."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from gridecho.quantities import POWER_IMPORT
from gridecho.readings import Reading
from gridecho_remote.commands.remote import remote
from gridecho_remote.rules.actor import OPERATOR, Actor, person
from gridecho_remote.rules.errors import NotAllowedError, NotFoundError, RemoteError
from gridecho_remote.rules.roles import role
from gridecho_remote.rules.scope_words import words
from gridecho_remote.rules.scopes import Resolution, Scope
from gridecho_remote.store import grants
from gridecho_remote.store.enrol import enrol_sensor
from gridecho_remote.use import granting, places, sensors
from gridecho_remote.use.sensors import Span

from tests.rigs.fleet import Fleet

W, WH = "1-0:1.7.0", "1-0:1.8.0"
T0 = 1_800_000_000
ADA = person(1)
EVER = Span(0, 1 << 32)
FULL = Scope(
    "north/city-a",
    "residential",
    frozenset({"pilot", "heat pump"}),
    frozenset({7, 8}),
    5,
    Resolution.DAY,
    1,
    T0 - 99,
    T0 + 99,
    False,
    False,
    T0 - 5,
    T0 + 5,
)


@pytest.fixture
def site(fleet: Fleet) -> Fleet:
    fleet.person()
    return fleet


def refused(ask: Any) -> str:
    with pytest.raises(RemoteError) as error:
        ask()
    return error.value.code


def mine(fleet: Fleet) -> list[int]:
    return [one.id for one in sensors.mine(fleet.site, ADA)]


def test_a_scope_comes_back_as_it_was_given(site: Fleet) -> None:
    for scope in (FULL, Scope(region="north"), Scope(sensors=frozenset({9}), k=7, resolution=Resolution.MONTH)):
        number = granting.grant(site.site, OPERATOR, "ADA", scope)
        assert [(one.user, one.scope) for one in grants.list_grants(site.archive) if one.id == number] == [
            ("ada", scope)
        ]


def test_selectors_that_are_sets_match_if_one_does_and_all_selectors_must(site: Fleet) -> None:
    places.label(site.site, OPERATOR, 7, ["pilot"], [])
    places.label(site.site, OPERATOR, 8, ["heat pump", "pilot"], [])
    for scope, seen in (
        (Scope(labels=frozenset({"pilot"})), [7, 8]),
        (Scope(labels=frozenset({"heat pump", "none"})), [8]),
        (Scope(labels=frozenset({"pilot"}), category="residential"), [7]),
        (Scope(labels=frozenset({"pilot"}), sensors=frozenset({8, 9})), [8]),
        (Scope(sensors=frozenset({7, 9, 99})), [7, 9]),
        (Scope(sensors=frozenset({7, 9}), region="south"), [9]),
        (Scope(labels=frozenset({"none"})), []),
        (Scope(region="north", k=2), []),
    ):
        number = granting.grant(site.site, OPERATOR, "ada", scope)
        assert mine(site) == seen
        assert [n for n in (7, 8, 9) if _looks(site, n)] == seen
        granting.revoke(site.site, OPERATOR, number)
    assert mine(site) == []


def _looks(fleet: Fleet, sensor_id: int) -> bool:
    try:
        sensors.look(fleet.site, ADA, sensor_id)
    except NotFoundError:
        return False
    return True


def test_a_label_opens_from_when_it_is_given_to_when_it_is_taken_off(site: Fleet) -> None:
    granting.grant(site.site, OPERATOR, "ada", Scope(labels=frozenset({"pilot"})))
    assert mine(site) == []
    places.label(site.site, OPERATOR, 7, ["pilot"], [])
    assert mine(site) == [7]
    places.label(site.site, OPERATOR, 7, [], ["pilot"])
    assert mine(site) == []


def test_a_preview_counts_and_gives_nothing(site: Fleet) -> None:
    granting.grant(site.site, OPERATOR, "ada", Scope(sensors=frozenset({7})))
    before = grants.list_grants(site.archive)
    would = granting.preview(site.site, OPERATOR, "Ada", Scope(region="north"))
    assert (would.user, would.sensors, would.new) == ("ada", 2, 1)
    assert granting.preview(site.site, OPERATOR, "ada", Scope(region="west")).sensors == 0
    assert granting.preview(site.site, OPERATOR, "ada", Scope(region="north", k=2)).new == 0
    assert grants.list_grants(site.archive) == before
    assert refused(lambda: granting.preview(site.site, OPERATOR, "eve", Scope(region="north"))) == "user-unknown"
    assert refused(lambda: granting.preview(site.site, OPERATOR, "ada", Scope())) == "grant-empty"


def test_a_scope_in_words(site: Fleet) -> None:
    zone = site.site.days.zone
    daily = Scope(region="north/city-a", resolution=Resolution.DAY, first_s=1_767_225_600, export=False)
    assert words(daily, 37, zone) == ("37 sensors, in north/city-a, daily, from 1 January 2026, no export, for good")
    full = Scope("a", "public", frozenset("xy"), None, 4, Resolution.RAW, 5, None, T0, True, False, T0, T0 + 1)
    assert words(full, 1_000, zone) == (
        "sums over at least 5 of 1,000 sensors and none of them singly, public, in a, labelled x or y, every reading, "
        "Power drawn, before 15 January 2027 08:00:00, nothing of a day before it is over, export, "
        "beginning at 15 January 2027 08:00:00, until 15 January 2027 08:00:01"
    )


def test_a_grant_is_narrowed_and_never_widened(site: Fleet) -> None:
    number = granting.grant(site.site, OPERATOR, "ada", Scope(region="north", expires_s=T0 + 100))
    assert mine(site) == [7, 8]
    granting.narrow(site.site, OPERATOR, number, region="north/city-b", export=False)
    assert mine(site) == [8]
    assert refused(lambda: sensors.export(site.site, ADA, 8, -1, EVER)) == "sensor-not-shared"
    for more in (
        {"region": "north"},
        {"region": None, "sensors": frozenset({8})},
        {"export": True},
        {"expires_s": T0 + 101},
        {"expires_s": None},
    ):
        assert refused(lambda more=more: granting.narrow(site.site, OPERATOR, number, **more)) == "grant-not-less"
    granting.narrow(site.site, OPERATOR, number, expires_s=T0)
    assert mine(site) == []
    granting.revoke(site.site, OPERATOR, number)
    assert refused(lambda: granting.narrow(site.site, OPERATOR, number, live=False)) == "grant-unknown"
    assert refused(lambda: granting.revoke(site.site, OPERATOR, number)) == "grant-unknown"


def administrator(*regions: str) -> Actor:
    return person(5, [role("administrator", region) for region in regions])


def test_who_administers_a_region_decides_on_what_lies_in_it_and_nothing_else(site: Fleet) -> None:
    north = administrator("north/city-a", "north/city-b")
    inner = granting.grant(site.site, north, "ada", Scope(region="north/city-a", category="residential"))
    outer = granting.grant(site.site, OPERATOR, "ada", Scope(region="north"))
    anywhere = granting.grant(site.site, OPERATOR, "ada", Scope(sensors=frozenset({7})))
    for scope in (
        Scope(region="north"),
        Scope(sensors=frozenset({7})),
        Scope(category="public"),
        Scope(region="north/city"),
    ):
        with pytest.raises(NotAllowedError):
            granting.grant(site.site, north, "ada", scope)
        with pytest.raises(NotAllowedError):
            granting.preview(site.site, north, "ada", scope)
    for number in (outer, anywhere, 99):
        assert refused(lambda number=number: granting.revoke(site.site, north, number)) == "grant-unknown"
        assert (
            refused(lambda number=number: granting.narrow(site.site, north, number, region="north/city-a"))
            == "grant-unknown"
        )
    assert [one.id for one in granting.all_grants(site.site, north)] == [inner]
    granting.narrow(site.site, north, inner, region="north/city-a/old-town")
    granting.revoke(site.site, north, inner)
    assert len(granting.all_grants(site.site, OPERATOR)) == 3
    granting.revoke(site.site, administrator(""), anywhere)


def parts_of(fleet: Fleet) -> Iterator[Any]:
    return sensors.export(fleet.site, ADA, 7, -1, EVER).parts


@pytest.mark.parametrize("how", ["narrowed", "revoked", "expired", "moved", "unlabelled", "contract"])
def test_a_running_download_ends_when_what_it_reads_is_not_open_any_more(site: Fleet, how: str) -> None:
    places.label(site.site, OPERATOR, 7, ["pilot"], [])
    for n in range(0, 6_000, 200):
        site.send(*(site.frame(7, [Reading(T0 - 60 * (n + k), {POWER_IMPORT: k})]) for k in range(200)))
    scope = Scope(region="north", labels=frozenset({"pilot"}), expires_s=T0 + 100)
    if how == "contract":
        contract = places.begin_contract(site.site, OPERATOR, 7, "ada", 0)
    else:
        number = granting.grant(site.site, OPERATOR, "ada", scope)
    parts = parts_of(site)
    assert len(next(parts)) == 5_000
    assert sum(map(len, parts_of(site))) == 6_000
    if how == "narrowed":
        granting.narrow(site.site, OPERATOR, number, until_s=T0 - 1)
    elif how == "revoked":
        granting.revoke(site.site, OPERATOR, number)
    elif how == "moved":
        places.move(site.site, OPERATOR, 7, "south")
    elif how == "unlabelled":
        places.label(site.site, OPERATOR, 7, [], ["pilot"])
    elif how == "contract":
        places.end_contract(site.site, OPERATOR, contract, T0 - 1)
    else:
        site.clock.now_s = T0 + 100
    with pytest.raises(NotFoundError):
        list(parts)


def test_a_download_goes_on_while_what_it_reads_is_open_by_another_grant(site: Fleet) -> None:
    for n in range(0, 6_000, 200):
        site.send(*(site.frame(7, [Reading(T0 - 60 * (n + k), {POWER_IMPORT: k})]) for k in range(200)))
    number = granting.grant(site.site, OPERATOR, "ada", Scope(region="north", until_s=T0 + 1))
    parts = sensors.export(site.site, ADA, 7, -1, Span(0, T0 + 1)).parts
    next(parts)
    granting.grant(site.site, OPERATOR, "ada", Scope(region="north", until_s=T0 - 60 * 3_000))
    granting.grant(site.site, OPERATOR, "ada", Scope(region="north", first_s=T0 - 60 * 3_000))
    granting.revoke(site.site, OPERATOR, number)
    assert len(list(parts)) == 1


def test_the_subject_of_a_contract_sees_what_is_theirs_without_a_grant(site: Fleet) -> None:
    for epoch, at_s in ((1, T0 - 300), (2, T0 - 200), (3, T0 - 100)):
        site.send(site.frame(7, [Reading(at_s, {POWER_IMPORT: epoch})], epoch=epoch))
    places.begin_contract(site.site, OPERATOR, 7, "ada", T0 - 250, T0 - 100)
    assert mine(site) == [7]
    found, _ = sensors.readings(site.site, ADA, 7, -1, EVER, 10, None)
    assert found.times_s.tolist() == [T0 - 200]
    assert sensors.gaps(site.site, ADA, 7) == []
    places.begin_contract(site.site, OPERATOR, 8, None, 0)
    assert mine(site) == [7]


def test_many_sensors_with_labels_in_pages(site: Fleet) -> None:
    for n in range(30):
        enrol_sensor(site.archive, 100 + n, f"n{n}", "west", "public", bytes(32))
        places.label(site.site, OPERATOR, 100 + n, ["even" if n % 2 == 0 else "odd", "all"], [])
    granting.grant(site.site, OPERATOR, "ada", Scope(labels=frozenset({"even"}), region="west"))
    found, after = [], -1
    while page := sensors.mine(site.site, ADA, after, 4):
        found += [one.id for one in page]
        after = page[-1].id
    assert found == list(range(100, 130, 2))


@pytest.mark.usefixtures("only_sqlite")
def test_commands(site: Fleet, tmp_path: Path) -> None:
    (tmp_path / "remote.key").write_text(site.kek.hex())
    (tmp_path / "remote.key").chmod(0o600)
    config = tmp_path / "remote.toml"
    config.write_text(f'database = "{site.database}"\nkey_file = "{tmp_path / "remote.key"}"\n')

    def run(*words: str, code: int = 0) -> Result:
        done = CliRunner().invoke(remote, ["grant", *words, "--config", str(config)])
        assert done.exit_code == code, done.output
        return done

    options = (
        "--region", "north", "--category", "residential", "--label", "a", "--label", "b", "--sensor", "7", "--quantity", W,
        "--resolution", "hour", "--from", "2026-01-01", "--until", "2027-01-01", "--no-export", "--no-live",
        "--starts", "2026-02-01", "--expires", "2028-01-01",
    )  # fmt: skip
    said = run("add", "ada", *options, "--preview").output
    assert (
        "would see 0 sensors, residential, in north, labelled a or b, hourly, Power drawn, from 1 January 2026" in said
    )
    assert json.loads(run("list", "--json").output) == []
    number = json.loads(run("add", "ada", *options, "--json").output)["id"]
    assert json.loads(run("list", "--json").output) == [
        {
            "id": number,
            "user": "ada",
            "region": "north",
            "category": "residential",
            "labels": ["a", "b"],
            "sensors": ["7"],
            "quantities": [W],
            "resolution": "hour",
            "smallest_group": 1,
            "from": "2026-01-01T00:00:00+00:00",
            "until": "2027-01-01T00:00:00+00:00",
            "export": False,
            "live": False,
            "starts": "2026-02-01T00:00:00+00:00",
            "expires": "2028-01-01T00:00:00+00:00",
            "revoked": False,
        }
    ]
    assert "daily" in run("narrow", str(number), "--resolution", "day").output
    assert "would open more by its resolution" in run("narrow", str(number), "--resolution", "raw", code=1).output
    run("narrow", str(number), "--smallest-group", "5")
    assert "none of them singly" in run("add", "ada", "--region", "north", "--smallest-group", "9", "--preview").output
    run("revoke", str(number))
    assert json.loads(run("list", "--json").output)[0]["revoked"] is True
    assert "grant list" in run("revoke", str(number), code=1).output
