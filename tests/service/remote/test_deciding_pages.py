"""Pages of who decides: grants within their regions, people and their roles, the audit. Nobody else sees that they are there."""

import json
import re
from collections.abc import Callable

import pytest
from flask.testing import FlaskClient
from gridecho_remote.rules.actor import OPERATOR, person
from gridecho_remote.rules.roles import Role, RoleKind
from gridecho_remote.rules.scopes import Resolution, Scope
from gridecho_remote.store import audit as rows
from gridecho_remote.store import grants, roles, users
from gridecho_remote.store.models import Grant, User
from gridecho_remote.use import auditing, granting, people, sessions
from werkzeug.test import TestResponse

from tests.rigs.fleet import PASSWORD, Fleet, csrf_token, give_role, log_in

GIVE = {"user": "ada", "region": "north/city-a", "category": "", "resolution": "DAY", "first": "2026-01-01", "k": "1"}
TOKEN = re.compile(r'name="csrf_token" value="[^"]+"')
ADMINISTRATOR, NORTH = Role(RoleKind.ADMINISTRATOR), Role(RoleKind.ADMINISTRATOR, "north")


def sent(who: FlaskClient, path: str, **fields: str) -> TestResponse:
    """The answer to a form of a page."""
    return who.post(path, data={"csrf_token": csrf_token(who.get("/password"))} | fields)


def seen(page: TestResponse) -> str:
    return page.text.partition('name="seen"')[2].partition('value="')[2].partition('"')[0]


@pytest.fixture
def who(fleet: Fleet) -> Callable[[str], FlaskClient]:
    """Ada has nothing; city decides on north/city-a, boss on all; otto runs the fleet, audi reads the audit."""
    clients = {name: fleet.person(name) for name in ("ada", "city", "boss", "otto", "audi")}
    give_role(fleet.archive, "city", "administrator", "north/city-a")
    give_role(fleet.archive, "boss", "administrator")
    give_role(fleet.archive, "otto")
    give_role(fleet.archive, "audi", "auditor")
    return clients.__getitem__


PLACES = {
    "/grants": {"city", "boss"},
    "/grants/new": {"city", "boss"},
    "/people": {"boss", "otto"},
    "/people/one?name=ada": {"boss", "otto"},
    "/audit": {"audi"},
}
STEPS = {
    "/grants/1/narrow": {"city", "boss"},
    "/grants/1/revoke": {"city", "boss"},
    "/people/give-role": {"boss"},
    "/people/take-role": {"boss"},
    "/people/end-logins": {"boss", "otto"},
    "/audit/verify": {"audi"},
}
FIELDS = {"category": "", "name": "ada", "kind": "auditor", "resolution": "DAY", "k": "1", "region": "north/city-a"}


@pytest.mark.parametrize("path", PLACES)
def test_others_see_no_such_page(who: Callable[[str], FlaskClient], path: str) -> None:
    for name in ("ada", "city", "boss", "otto", "audi"):
        assert who(name).get(path).status_code == (200 if name in PLACES[path] else 404), name
        link = f'href="{path.partition("?")[0]}"'
        if path in ("/grants", "/people", "/audit"):
            assert (link in who(name).get("/").text) == (name in PLACES[path]), name


@pytest.mark.parametrize("path", STEPS)
def test_others_change_nothing(fleet: Fleet, who: Callable[[str], FlaskClient], path: str) -> None:
    granting.grant(fleet.site, OPERATOR, "ada", Scope(region="north/city-a"))
    for name in ("ada", "city", "boss", "otto", "audi"):
        if name not in STEPS[path]:
            before = grants.find(fleet.archive, 1), users.info(fleet.archive, 1)
            assert sent(who(name), path, **FIELDS).status_code == 404, name
            assert (grants.find(fleet.archive, 1), users.info(fleet.archive, 1)) == before
            assert rows.newest(fleet.archive, 1)[0].what == "looks.refused"
    for name in STEPS[path]:
        assert sent(who(name), path, **FIELDS).status_code != 404, name
        assert who(name).post(path, data=FIELDS).status_code == 400, "without its token"


def test_a_grant_is_given_as_it_was_shown(fleet: Fleet, who: Callable[[str], FlaskClient]) -> None:
    city = who("city")
    shown = sent(city, "/grants/new", **GIVE, submit="x")
    assert "1 sensor, in north/city-a, daily, from 1 January 2026" in " ".join(shown.text.split())
    assert "1 of them ada cannot see yet" in " ".join(shown.text.split())
    assert grants.list_grants(fleet.archive) == [], "not by looking"
    other = sent(city, "/grants/new", **GIVE | {"resolution": "RAW"}, give="x", seen=seen(shown))
    assert other.status_code == 200, "something else is shown once more"
    assert "every reading" in other.text
    assert grants.list_grants(fleet.archive) == []
    given = sent(city, "/grants/new", **GIVE, give="x", seen=seen(shown))
    assert (given.status_code, given.location) == (302, "/grants/1")
    (one,) = grants.list_grants(fleet.archive)
    zone = fleet.site.days.zone
    assert (one.user, one.scope.resolution, one.scope.region) == ("ada", Resolution.DAY, "north/city-a")
    assert (one.scope.first_s, one.scope.until_s, one.scope.expires_s, one.scope.export) == (
        1_767_225_600,
        None,
        None,
        False,
    )
    assert str(zone) == "UTC"
    assert rows.newest(fleet.archive, 1)[0].what == "granting.grant"
    assert rows.newest(fleet.archive, 1)[0].actor_id == 2
    assert "Mill Lane" in who("ada").get("/").text


def test_every_field_of_a_scope(fleet: Fleet, who: Callable[[str], FlaskClient]) -> None:
    fields = GIVE | {
        "category": "residential",
        "quantities": "2",
        "last": "2026-12-31",
        "ends": "2027-06-30",
        "labels": "pilot, heat pump",
        "sensors": "7, 8",
        "k": "12",
        "export": "y",
        "live": "y",
    }
    shown = sent(who("boss"), "/grants/new", **fields)
    sent(who("boss"), "/grants/new", **fields, give="x", seen=seen(shown))
    (one,) = grants.list_grants(fleet.archive)
    assert one.scope == Scope(
        "north/city-a", "residential", frozenset({"pilot", "heat pump"}), frozenset({7, 8}), 4, Resolution.DAY, 12,
        1_767_225_600, 1_798_761_600, True, True, None, 1_814_400_000,
    )  # fmt: skip
    page = who("boss").get("/grants/1").text
    for said in ("heat pump, pilot", "7, 8", 'value="12"', 'value="2027-06-30"'):
        assert said in page


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"user": "eve"}, "no user eve"),
        ({"region": "north"}, "for administrators"),
        ({"region": ""}, "for administrators"),
        ({"sensors": "x"}, "id is a number"),
        ({"sensors": "0"}, "id is a number"),
        ({"first": "2027-01-01", "last": "2026-01-01"}, "begin"),
        ({"last": "9999-12-31"}, "date"),
        ({"labels": "x" * 500}, "label"),
    ],
)
def test_what_cannot_be_given(
    fleet: Fleet, who: Callable[[str], FlaskClient], fields: dict[str, str], said: str
) -> None:
    answer = sent(who("city"), "/grants/new", **GIVE | fields)
    assert answer.status_code in (200, 400)
    assert said.lower() in answer.text.lower(), answer.text
    assert 'id="would"' not in answer.text
    assert grants.list_grants(fleet.archive) == []


def test_narrowing_and_revoking(fleet: Fleet, who: Callable[[str], FlaskClient]) -> None:
    city = who("city")
    now = int(fleet.clock())
    granting.grant(
        fleet.site, OPERATOR, "ada", Scope(region="north/city-a", first_s=now - 12_345, expires_s=now + 99_999)
    )
    form = {"region": "north/city-a", "category": "", "resolution": "RAW", "k": "1", "export": "y", "live": "y"}
    form |= {"first": "2027-01-15", "ends": "2027-01-16"}
    same = sent(city, "/grants/1/narrow", **form)
    assert "nothing was changed" in same.text.lower()
    assert same.status_code == 400
    more = sent(city, "/grants/1/narrow", **form | {"region": "north/city-a", "first": ""})
    assert more.status_code == 400
    assert grants.find(fleet.archive, 1).scope.resolution is Resolution.RAW
    without = {name: value for name, value in form.items() if name != "export"}  # a box that is not ticked is not sent
    assert sent(city, "/grants/1/narrow", **without).status_code == 302
    scope = grants.find(fleet.archive, 1).scope
    assert (scope.resolution, scope.export, scope.live) == (Resolution.RAW, False, True)
    assert (scope.first_s, scope.expires_s) == (now - 12_345, now + 99_999), "the rest to the second"
    row = rows.newest(fleet.archive, 1)[0]
    assert (row.what, row.subject, row.fields) == ("granting.narrow", "grant 1", {"export": False})
    assert sent(city, "/grants/1/revoke").status_code == 302
    assert grants.find(fleet.archive, 1).scope.revoked
    assert "revoked" in city.get("/grants/1").text
    assert 'action="/grants/1/revoke"' not in city.get("/grants/1").text
    assert who("ada").get("/sensors/7").status_code == 404
    assert sent(city, "/grants/1/revoke").status_code == 302
    assert [row.what for row in rows.newest(fleet.archive, 9)].count("granting.revoke") == 1


def test_a_delegated_administrator_sees_and_changes_what_lies_in_their_region(
    fleet: Fleet, who: Callable[[str], FlaskClient]
) -> None:
    regions = ["north/city-a", "north/city-a/old town", "north/city-ab", "north", "south"]
    for region in regions:
        granting.grant(fleet.site, OPERATOR, "ada", Scope(region=region))
    granting.grant(fleet.site, OPERATOR, "ada", Scope(sensors=frozenset({7})))
    found, more = granting.listed(fleet.site, person(2, [Role(RoleKind.ADMINISTRATOR, "north/city-a")]))
    assert ([one.id for one in found], more) == ([2, 1], None)
    page = who("city").get("/grants?state=all").text
    assert [f'href="/grants/{number}"' in page for number in range(1, 7)] == [True, True, False, False, False, False]
    for number in range(3, 7):
        assert who("city").get(f"/grants/{number}").status_code == 404
        for step in ("narrow", "revoke"):
            assert sent(who("city"), f"/grants/{number}/{step}", **FIELDS).status_code == 404
        assert not grants.find(fleet.archive, number).scope.revoked
    other, none = (TOKEN.sub("", who("city").get(f"/grants/{number}").text) for number in (6, 7))
    assert other == none
    page = who("boss").get("/grants").text
    assert all(f'href="/grants/{number}"' in page for number in range(1, 7))


def test_grants_are_found_by_person_and_state_in_pages(fleet: Fleet, who: Callable[[str], FlaskClient]) -> None:
    now = int(fleet.clock())
    row = {"region": "north/city-a", "quantities": 4, "resolution": 0, "k": 1, "export": 1, "live": 1, "granted_s": 0}
    many = [
        row | {"user": n % 2 + 1, "expires_s": None if n % 3 else now - 1, "revoked_s": None} for n in range(10_000)
    ]
    for begin in range(0, len(many), 500):
        Grant.insert_many(many[begin : begin + 500]).execute(fleet.archive.db)
    boss = who("boss")
    page = boss.get("/grants?user=ADA").text
    assert page.count('class="fw-semibold"') == 100
    numbers: list[int] = []
    before: int | None = 0
    while before is not None:
        found, before = granting.listed(fleet.site, OPERATOR, "ada", True, before)
        assert len(found) <= 100
        assert {one.user for one in found} == {"ada"}
        numbers += [one.id for one in found]
    assert numbers == [n + 1 for n in range(9_999, -1, -1) if n % 2 == 0 and n % 3]
    assert "Older" in page
    last = boss.get(f"/grants?user=ada&before={numbers[-50]}").text
    assert "Older" not in last
    assert "Newest" in last
    assert "There are none" in boss.get("/grants?user=nobody").text
    ended = boss.get("/grants?state=ended").text
    assert "ended</span>" in ended
    assert "holds</span>" not in ended
    for odd in ("-1", "x", str(10**30), ""):
        assert boss.get(f"/grants?before={odd}").status_code == 200


def test_people_their_roles_and_logins(fleet: Fleet, who: Callable[[str], FlaskClient]) -> None:
    boss, otto = who("boss"), who("otto")
    page = otto.get("/people?name=A").text
    assert (">ada</a>" in page, ">audi</a>" in page, ">boss</a>" in page[page.index("<main") :]) == (True, True, False)
    assert 'action="/people/give-role"' not in otto.get("/people/one?name=ada").text
    assert sent(boss, "/people/give-role", name="ada", kind="administrator", region=" /north/ ").status_code == 302
    assert roles.of(fleet.archive, 1) == [NORTH]
    row = rows.newest(fleet.archive, 1)[0]
    assert (row.what, row.subject, row.actor_id) == ("people.give_role", "user ada", 3)
    assert who("ada").get("/grants").status_code == 200
    for kind, region in (("auditor", "north"), ("king", ""), ("administrator", "x" * 400)):
        assert sent(boss, "/people/give-role", name="ada", kind=kind, region=region).status_code == 302
        assert roles.of(fleet.archive, 1) == [NORTH]
    assert sent(boss, "/people/take-role", name="ada", kind="administrator", region="north").status_code == 302
    assert roles.of(fleet.archive, 1) == []
    assert who("ada").get("/grants").status_code == 404
    assert sent(boss, "/people/take-role", name="boss", kind="administrator").status_code == 302
    assert roles.of(fleet.archive, 3) == [ADMINISTRATOR], "nobody takes their own"
    assert "nobody takes a role from themselves" in boss.get("/people/one?name=boss").text.lower()
    assert log_in(fleet.app.test_client(), "ada", PASSWORD).status_code == 302
    first, second = sessions.of_user(fleet.site, OPERATOR, "ada")
    assert sent(otto, "/people/end-logins", name="ADA", number=str(second.id)).status_code == 302
    assert [one.id for one in sessions.of_user(fleet.site, OPERATOR, "ada")] == [first.id]
    assert sent(otto, "/people/end-logins", name="ada", number=str(10**30)).status_code == 404
    assert sent(otto, "/people/end-logins", name="ada").status_code == 302
    assert sessions.of_user(fleet.site, OPERATOR, "ada") == []
    assert otto.get("/people/one?name=eve").status_code == 404


def test_people_come_in_pages(fleet: Fleet, who: Callable[[str], FlaskClient]) -> None:
    new = [
        {"name": f"Visitor {n:03}", "key": f"visitor {n:03}", "must_change": False, "added_s": 0} for n in range(250)
    ]
    User.insert_many(new).execute(fleet.archive.db)
    names: list[str] = []
    after: str | None = ""
    while after is not None:
        found, after = people.listed(fleet.site, OPERATOR, "VISITOR", after)
        names += [one.name for one in found]
    assert names == [one["name"] for one in new]
    page = who("boss").get("/people?name=visitor&after=Visitor+199").text
    assert ("Visitor 200" in page, "Visitor 199<" in page, "First" in page, "More" in page) == (
        True,
        False,
        True,
        False,
    )


def test_the_audit_by_person_deed_subject_and_day(fleet: Fleet, who: Callable[[str], FlaskClient]) -> None:
    audi = who("audi")
    who("ada").get("/sensors/7")
    log_in(fleet.app.test_client(), "city", PASSWORD)
    granting.grant(fleet.site, OPERATOR, "ada", Scope(region="north"))
    fleet.clock.now_s += 86_400
    granting.revoke(fleet.site, person(3, [ADMINISTRATOR]), 1)

    def shown(**sought: str) -> list[str]:
        page = audi.get("/audit", query_string=sought)
        assert page.status_code == 200
        return [one.partition("</span>")[0] for one in page.text.split("</div><span>")[1:]]

    assert shown()[:4] == ["auditing.found", "granting.revoke", "granting.grant", "sessions.begin"]
    assert shown(who="ADA") == ["looks.refused"]
    assert shown(who="boss") == ["granting.revoke"]
    assert shown(kind="operator") == ["granting.grant"]
    assert shown(what="granting.") == ["granting.revoke", "granting.grant"]
    assert shown(subject="grant 1", what="granting.grant") == ["granting.grant"]
    assert shown(what="granting.", first="2027-01-16") == ["granting.revoke"]
    assert shown(what="granting.", last="2027-01-15") == ["granting.grant"]
    assert shown(what="granting.", first="2027-01-15", last="2027-01-16") == ["granting.revoke", "granting.grant"]
    assert "boss" in audi.get("/audit?what=granting.revoke").text
    for sought in ({"who": "eve"}, {"first": "x"}, {"last": "9999-12-31"}):
        assert audi.get("/audit", query_string=sought).status_code == 400
    assert audi.get("/audit?kind=x&before=-5&what=%00&subject=%00").status_code == 200
    seen_by_audi = [one for one in rows.newest(fleet.archive, 99) if one.what == "auditing.found"]
    assert {"who": "ADA"} in [one.fields for one in seen_by_audi], "a look, too"


def test_the_audit_in_pages_and_whether_all_of_it_is_there(
    fleet: Fleet, who: Callable[[str], FlaskClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    for n in range(250):
        with fleet.archive.writing():
            rows.put(fleet.archive, n, OPERATOR, "x.y", f"sensor {n % 2}", {"n": n, "none": None, "said": "a <b> c"})
    auditor = person(5, [Role(RoleKind.AUDITOR)])
    found: list[int] = []
    before: int | None = 0
    while before is not None:
        some, before = auditing.found(fleet.site, auditor, auditing.Sought(subject="sensor 1"), before)
        found += [one.entry.fields["n"] for one in some]  # type: ignore[misc]
    assert found == list(range(249, 0, -2))
    page = who("audi").get("/audit?what=x.").text
    assert "a &lt;b&gt; c" in page
    assert "Older" in page
    monkeypatch.setattr(rows, "_MOST_SEEN", 20)
    some, before = auditing.found(fleet.site, auditor, auditing.Sought(subject="nothing"))
    assert some == []
    assert before == rows.head(fleet.archive.connection()).id + 1 - 20, "so far it was looked through"
    assert "all as they were written" in sent(who("audi"), "/audit/verify").text
    fleet.archive.connection().execute("UPDATE audit SET subject = 'sensor 9' WHERE id = 5")
    answer = sent(who("audi"), "/audit/verify").text
    assert "not all is as it was written" in answer
    assert "Row 5 of the audit" in answer
    with fleet.site.verifying:
        assert sent(who("audi"), "/audit/verify").status_code == 400
    assert json.loads(json.dumps(rows.newest(fleet.archive, 1)[0].fields)) == {}
