"""Where sensors are and whose: moving, labels, contracts, by use cases and by commands; what is no region, category or label."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from gridecho_remote.commands.remote import remote
from gridecho_remote.rules import categories, regions
from gridecho_remote.rules.actor import OPERATOR
from gridecho_remote.rules.errors import RemoteError
from gridecho_remote.store import doctor, enrol
from gridecho_remote.store.grants import add_grant
from gridecho_remote.store.places import ContractInfo
from gridecho_remote.use import enrolment, places
from hypothesis import given
from hypothesis import strategies as st

from tests.rigs.fleet import Fleet

T0 = 1_800_000_000


def test_a_region_is_a_path() -> None:
    assert regions.parsed(" /north / city-a/old town/ ") == "north/city-a/old town"
    assert regions.parsed("/".join("abcdefgh")) == "a/b/c/d/e/f/g/h"
    for wrong in ("", " ", "/", "a//b", "a/ /b", "a/b\nc", "a\0", "/".join("abcdefghi"), "x" * 101):
        with pytest.raises(RemoteError) as refused:
            regions.parsed(wrong)
        assert refused.value.code == "region-wrong"


@given(st.lists(st.sampled_from(["a", "b", "ab", "%", "0", "."]), min_size=1, max_size=4).map("/".join), st.data())
def test_what_lies_in_a_region_lies_between_its_bounds(region: str, data: st.DataObject) -> None:
    other = data.draw(st.lists(st.sampled_from(["a", "b", "ab", "%", "0", "."]), min_size=1, max_size=4).map("/".join))
    low, high = regions.bounds(other)
    steps, wanted = region.split("/"), other.split("/")
    assert regions.inside(region, other) == (steps[: len(wanted)] == wanted)
    assert regions.inside(region, other) == (region == other or low <= region < high)
    assert regions.inside(region, "")


def test_new_categories_are_refused_and_old_ones_stay(fleet: Fleet) -> None:
    enrol.enrol_sensor(fleet.archive, 50, "old", "north", "household", bytes(32))  # as it was before there were these
    with pytest.raises(RemoteError) as refused:
        enrolment.enrol_sensor(fleet.site, OPERATOR, 51, "new", "north", "household", bytes(32), 1)
    assert refused.value.code == "category-unknown"
    with pytest.raises(RemoteError):
        places.categorise(fleet.site, OPERATOR, 50, "home")
    assert enrol.sensors(fleet.archive)[-1].category == "household"
    places.categorise(fleet.site, OPERATOR, 50, "generation")
    assert enrol.sensors(fleet.archive)[-1].category == "generation"
    for category in categories.CATEGORIES:
        assert categories.checked(category) == category


def test_who_was_granted_a_region_sees_what_is_moved_there_and_nothing_that_left(fleet: Fleet) -> None:
    client = fleet.person()
    add_grant(fleet.archive, "ada", region="north")
    assert [one["id"] for one in client.get("/api/v1/sensors").json["sensors"]] == [7, 8]
    places.move(fleet.site, OPERATOR, 7, "south/city-c/")
    places.move(fleet.site, OPERATOR, 9, "north")
    assert [one["id"] for one in client.get("/api/v1/sensors").json["sensors"]] == [8, 9]
    assert client.get("/api/v1/sensors/7").status_code == 404
    assert client.get("/api/v1/sensors/9").json["region"] == "north"


def test_labels_are_given_and_taken_off(fleet: Fleet) -> None:
    assert places.label(fleet.site, OPERATOR, 7, ["pilot", " heat pump "], []) == ["heat pump", "pilot"]
    assert places.label(fleet.site, OPERATOR, 7, ["pilot", "new"], ["heat pump", "none"]) == ["new", "pilot"]
    for wrong in ("", " ", "a\nb", "x" * 101):
        with pytest.raises(RemoteError) as refused:
            places.label(fleet.site, OPERATOR, 7, [wrong], [])
        assert refused.value.code == "label-wrong"
    with pytest.raises(RemoteError) as many:
        places.label(fleet.site, OPERATOR, 7, map(str, range(categories.MOST_LABELS)), [])
    assert many.value.code == "labels-many"
    assert places.label(fleet.site, OPERATOR, 7, [], []) == ["new", "pilot"]


def test_contracts_of_a_sensor_do_not_overlap(fleet: Fleet) -> None:
    fleet.person()

    def begin(from_s: int, until_s: int | None = None, sensor_id: int = 7) -> int:
        return places.begin_contract(fleet.site, OPERATOR, sensor_id, "ada", from_s, until_s)

    first, _ = begin(100, 200), begin(300, None, 8)
    for from_s, until_s in ((50, 101), (50, None), (199, 500), (120, 130), (100, 200), (199, None)):
        with pytest.raises(RemoteError) as refused:
            begin(from_s, until_s)
        assert (refused.value.code, refused.value.fields["number"]) == ("contract-overlaps", first)
    second = begin(200)
    begin(50, 100)
    with pytest.raises(RemoteError) as refused:
        begin(1 << 33)
    assert refused.value.code == "contract-overlaps"
    places.end_contract(fleet.site, OPERATOR, second, 260)
    last = places.begin_contract(fleet.site, OPERATOR, 7, None, 260)
    assert [one for one in places.contracts(fleet.site, OPERATOR) if one.id >= second and one.sensor_id == 7][-2:] == [
        ContractInfo(second, 7, "ada", 200, 260),
        ContractInfo(last, 7, None, 260, None),
    ]
    assert list(doctor.problems(fleet.archive)) == []


@pytest.mark.parametrize("until_s", [100, 99, 201])
def test_a_contract_ends_after_it_begins_and_never_later_than_was_said(fleet: Fleet, until_s: int) -> None:
    number = places.begin_contract(fleet.site, OPERATOR, 7, None, 100, 200)
    with pytest.raises(RemoteError) as refused:
        places.end_contract(fleet.site, OPERATOR, number, until_s)
    assert refused.value.code == "contract-span"
    places.end_contract(fleet.site, OPERATOR, number, 150)
    with pytest.raises(RemoteError):
        places.begin_contract(fleet.site, OPERATOR, 8, None, 100, 100)


def test_what_is_not_there(fleet: Fleet) -> None:
    for ask, code in (
        (lambda: places.move(fleet.site, OPERATOR, 99, "north"), "sensor-unknown"),
        (lambda: places.categorise(fleet.site, OPERATOR, 99, "public"), "sensor-unknown"),
        (lambda: places.label(fleet.site, OPERATOR, 99, ["a"], []), "sensor-unknown"),
        (lambda: places.begin_contract(fleet.site, OPERATOR, 99, None, 0), "sensor-unknown"),
        (lambda: places.begin_contract(fleet.site, OPERATOR, 7, "eve", 0), "user-unknown"),
        (lambda: places.end_contract(fleet.site, OPERATOR, 1, 9), "contract-unknown"),
    ):
        with pytest.raises(RemoteError) as refused:
            ask()
        assert refused.value.code == code
    assert places.contracts(fleet.site, OPERATOR) == []


@pytest.mark.usefixtures("only_sqlite")
def test_commands(fleet: Fleet, tmp_path: Path) -> None:
    fleet.person()
    (tmp_path / "remote.key").write_text(fleet.kek.hex())
    (tmp_path / "remote.key").chmod(0o600)
    config = tmp_path / "remote.toml"
    config.write_text(f'database = "{fleet.database}"\nkey_file = "{tmp_path / "remote.key"}"\n')

    def run(*words: str, code: int = 0) -> Result:
        done = CliRunner().invoke(remote, [*words, "--config", str(config)])
        assert done.exit_code == code, done.output
        return done

    run("sensor", "move", "7", "south/city-c")
    run("sensor", "category", "7", "public")
    assert json.loads(run("sensor", "label", "7", "--add", "pilot", "--json").output) == {
        "sensor": 7,
        "labels": ["pilot"],
    }
    listed = json.loads(run("sensors", "--json").output)
    assert [(one["region"], one["category"]) for one in listed if one["id"] == 7] == [("south/city-c", "public")]
    begin = ("contract", "begin", "7", "--user", "ada", "--from", "2027-01-01")
    number = json.loads(run(*begin, "--json").output)["id"]
    assert f"contract end {number} --at" in run(*begin, code=1).output
    run("contract", "end", str(number), "--at", "2027-06-30T12:00+02:00")
    assert json.loads(run("contract", "list", "--json").output) == [
        {"id": number, "sensor": 7, "user": "ada", "from": "2027-01-01T00:00:00Z", "until": "2027-06-30T10:00:00Z"}
    ]
