"""The pages and the API of groups: who gets in, what the forms do, what is shown."""

import re

import pytest
from flask.testing import FlaskClient
from gridecho_remote.pages.groups import local
from gridecho_remote.rules.reasons import kept_reason
from gridecho_remote.rules.roles import role
from gridecho_remote.rules.sentences import said
from gridecho_remote.settings import RemoteSettings
from gridecho_remote.store import roles, terms, users
from gridecho_remote.store.groups import find_group, members_of
from gridecho_remote.store.models import Group
from werkzeug.test import TestResponse

from tests.rigs.fleet import Fleet, csrf_token, give_role
from tests.rigs.group_bars import bars_of, make_group, report_bars

PATHS = ("/groups", "/groups/1", "/api/v1/groups", "/api/v1/groups/1", "/api/v1/groups/1/terms/1")
FORMS = ("/groups/1/settings", "/groups/1/join", "/groups/1/leave/1", "/groups/1/rotate", "/groups/1/remove")


@pytest.fixture
def operator(fleet: Fleet) -> FlaskClient:
    client = fleet.person("root")
    give_role(fleet.archive, "root")
    return client


def post(client: FlaskClient, path: str, **fields: str) -> TestResponse:
    token = csrf_token(client.get("/groups"))
    return client.post(path, data={"csrf_token": token, **fields}, follow_redirects=True)


def text_of(answer: TestResponse) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", answer.get_data(as_text=True)).split())


def test_only_administrators_see_groups(fleet: Fleet, operator: FlaskClient) -> None:
    make_group(fleet, [1, 2], name="secret name", turns=1)
    user, anonymous = fleet.person("ada"), fleet.app.test_client()
    token = csrf_token(user.get("/password"))
    for path in PATHS:
        refused = anonymous.get(path)
        assert refused.status_code == 401 if path.startswith("/api/") else refused.location == f"/login?next={path}"
        refused = user.get(path)
        assert refused.status_code == 404
        assert "or it has not been granted to you" in text_of(refused)
        assert b"secret name" not in refused.data
        assert operator.get(path).status_code == 200
    for path in FORMS:
        assert user.post(path, data={"csrf_token": token}).status_code == 404
        assert operator.post(path).status_code == 400
    assert 'href="/groups"' not in user.get("/").text
    assert 'href="/groups"' in operator.get("/").text
    assert find_group(fleet.archive, "secret name")


def test_an_administrator_sees_no_reading_by_it_and_can_be_unmade(fleet: Fleet, operator: FlaskClient) -> None:
    fleet.send(fleet.frame(7, {1: 5}))
    assert operator.get("/sensors/7").status_code == 404
    assert operator.get("/api/v1/sensors").json == {"sensors": [], "next": None}
    roles.take(fleet.archive, users.user_id(fleet.archive, "root"), role("operator"))
    assert operator.get("/groups").status_code == 404


def test_the_forms_make_fill_change_rotate_and_remove(fleet: Fleet, operator: FlaskClient) -> None:
    assert "There is no group yet." in text_of(operator.get("/groups"))
    made = post(operator, "/groups", name="north", after_s="1800", after_forwards="", period_s="30")
    assert "Without members there is no proxy." in text_of(made)
    group = find_group(fleet.archive, "north")
    assert (group.after_s, group.after_forwards, group.period_s) == (1800, None, 30)
    here = f"/groups/{group.id}"
    assert "In the group now: relay 1, 2." in text_of(post(operator, f"{here}/join", relays="1, 2"))
    assert [one.relay_id for one in members_of(fleet.archive, group.id)] == [1, 2]
    assert "None of the members has sent a heartbeat" in text_of(operator.get(here))
    post(operator, f"{here}/settings", after_s="", after_forwards="12", period_s="5")
    changed = find_group(fleet.archive, "north")
    assert (changed.after_s, changed.after_forwards, changed.period_s) == (None, 12, 5)
    assert "no other relay" in text_of(post(operator, f"{here}/rotate")).lower()
    post(operator, f"{here}/leave/1")
    assert [one.relay_id for one in members_of(fleet.archive, group.id)] == [2]
    assert "Removed the group north." in text_of(post(operator, f"{here}/remove"))
    assert Group.select().count(fleet.archive.db) == 0


@pytest.mark.parametrize(
    ("path", "fields", "said"),
    [
        ("/groups/1/join", {"relays": "99"}, "Relay 99 is not enrolled"),
        ("/groups/1/join", {"relays": "1; drop"}, "Numbers of relays were expected"),
        ("/groups/1/join", {"relays": "0"}, "Numbers of relays were expected"),
        ("/groups/1/join", {"relays": "9" * 5000}, "Numbers of relays were expected"),
        ("/groups/1/join", {}, "Numbers of relays were expected"),
        ("/groups/1/leave/2", {}, "Relay 2 is not in the group"),
        ("/groups/1/leave/" + "9" * 40, {}, "is not in the group"),
        ("/groups/1/settings", {"after_s": "30", "period_s": "60"}, "shorter than the term"),
        ("/groups/1/settings", {"after_s": "x", "period_s": "60"}, "Not a valid integer"),
        ("/groups/1/settings", {"after_s": "9" * 30, "period_s": "1"}, "whole number"),
        ("/groups/1/rotate", {}, "No other relay"),
        ("/groups", {"name": "north", "period_s": "60", "after_s": "600"}, "There is a group north already"),
        ("/groups", {"name": "12", "period_s": "60", "after_s": "600"}, "not a number"),
    ],
)
def test_what_cannot_be_is_said(
    fleet: Fleet, operator: FlaskClient, path: str, fields: dict[str, str], said: str
) -> None:
    make_group(fleet, [1])
    answer = post(operator, path, **fields)
    assert answer.status_code in (200, 400)
    assert said in text_of(answer)
    assert [one.relay_id for one in members_of(fleet.archive, 1)] == [1]


def test_the_page_and_the_api_say_how_the_group_is(fleet: Fleet, operator: FlaskClient) -> None:
    group = make_group(fleet, [1, 2, 3], turns=3)
    report_bars(fleet, group, [1, 2, 3], periods=6)
    present = terms.open_term(fleet.archive, group.id)
    assert present is not None
    answer = operator.get(f"/groups/{group.id}")
    assert f"Relay {present.proxy} was chosen: {said(kept_reason(present.why))}." in text_of(answer)
    told = operator.get(f"/api/v1/groups/{group.id}").json
    assert (told["term"]["number"], told["histograms"]["periods"]) == (4, 6)
    for one in told["histograms"]["relays"]:
        assert one["bars"] == bars_of(one["relay"], 4)[:6]
        assert one["score"] == pytest.approx(sum(one["bars"]), abs=0.01)
    (line,) = operator.get("/api/v1/groups").json["groups"]
    assert (line["name"], line["members"], line["proxy"]) == ("north", 3, present.proxy)
    past = operator.get(f"/api/v1/groups/{group.id}/terms/2").json
    assert past["reason"] == "by hand"
    assert {one["relay"]: one["bars"] for one in past["histograms"]["relays"]} == {n: bars_of(n, 2) for n in (1, 2, 3)}
    page = operator.get(f"/groups/{group.id}?term=2")
    assert "Loads of term 2, as they were compared at its end" in text_of(page)


def test_the_history_comes_in_pages(fleet: Fleet, operator: FlaskClient) -> None:
    group = make_group(fleet, [1, 2], turns=25)
    first = operator.get(f"/api/v1/groups/{group.id}").json
    assert [one["number"] for one in first["history"]] == list(range(25, 5, -1))
    rest = operator.get(f"/api/v1/groups/{group.id}?before={first['before']}").json
    assert ([one["number"] for one in rest["history"]], rest["before"]) == ([5, 4, 3, 2, 1], None)
    assert "Older terms" in text_of(operator.get(f"/groups/{group.id}"))
    assert "Newest" in text_of(operator.get(f"/groups/{group.id}?before=6"))
    assert "not kept any more" in text_of(operator.get(f"/groups/{group.id}?term=1"))


@pytest.mark.parametrize("number", ["-1", "9" * 5000, str(1 << 70), "x", "", "NaN"])
@pytest.mark.parametrize(
    "path",
    ["/groups/{}", "/groups/1?term={}", "/groups/1?before={}", "/api/v1/groups/{}", "/api/v1/groups/1?before={}"],
)
def test_absurd_numbers_break_nothing(fleet: Fleet, operator: FlaskClient, path: str, number: str) -> None:
    make_group(fleet, [1, 2], turns=1)
    assert operator.get(path.format(number)).status_code in (200, 308, 400, 404)


def test_loads_that_an_earlier_version_took_break_no_page(fleet: Fleet, operator: FlaskClient) -> None:
    make_group(fleet, [1, 2])
    report_bars(fleet, find_group(fleet.archive, "north"), [1, 2], 3)
    huge = [(1, 1, 2, period, run, (1 << 63) - 1) for period in (0, 1) for run in (8, 9)]
    fleet.archive.connection().executemany("INSERT INTO group_bar VALUES (?, ?, ?, ?, ?, ?)", huge)
    for path in PATHS:
        assert operator.get(path).status_code == 200, path
    post(operator, "/groups/1/rotate")
    for path in PATHS:
        assert operator.get(path).status_code == 200, path


def test_a_name_is_text_and_no_markup(fleet: Fleet, operator: FlaskClient) -> None:
    make_group(fleet, [1, 2], name="<script>'\"x", turns=1)
    for path in ("/groups", "/groups/1", "/groups/1?term=1"):
        assert "<script>'" not in operator.get(path).text


def test_times_are_those_of_the_site_with_their_offset(make_fleet) -> None:
    fleet = make_fleet(time_zone="Europe/Berlin")
    with fleet.app.app_context():
        told = [local(1000 * at_s) for at_s in (1_792_888_200, 1_792_891_800)]
    assert told == ["2026-10-25 02:30:00+02:00", "2026-10-25 02:30:00+01:00"]


def test_a_zone_that_nobody_knows_is_an_error() -> None:
    with pytest.raises(ValueError, match="Europe/Amsterdam"):
        RemoteSettings(time_zone="Mars/Base")
