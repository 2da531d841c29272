"""Setting a site up by its page: name and time zone, a relay's code, sensors of an enrolment file."""

import json
import secrets
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import pytest
from gridecho.quantities import POWER_IMPORT
from gridecho_remote.rules.actor import OPERATOR
from gridecho_remote.rules.errors import NotAllowedError, RemoteError
from gridecho_remote.store import users
from gridecho_remote.store.grants import add_grant
from gridecho_remote.use import audit, enrolment, setting_up
from gridecho_remote.use.enrolment import Question
from gridecho_remote.use.enrolment_files import Entry, key_check, public_key, seal
from gridecho_remote.use.site import site_of
from werkzeug.test import Client, TestResponse

from tests.rigs.fleet import Fleet, csrf_token, give_role


def operator(fleet: Fleet) -> Client:
    client = fleet.person("ada")
    give_role(fleet.archive, "ada")
    return client


def posted(client: Client, path: str, **fields: str) -> TestResponse:
    return client.post(path, data={"csrf_token": csrf_token(client.get("/setup")), **fields})


def test_a_name_and_a_zone_hold_at_once_and_for_every_process(fleet: Fleet) -> None:
    client = operator(fleet)
    neighbour = site_of(fleet.settings, fleet.archive, fleet.clock)
    assert (fleet.site.days.name, fleet.site.about.name) == ("UTC", "")
    assert posted(client, "/setup/site", name=" Mill Lane ", zone="Asia/Kathmandu").status_code == 302
    assert (fleet.site.days.name, fleet.site.ingest.days.name) == ("Asia/Kathmandu", "Asia/Kathmandu")
    assert "· Mill Lane</title>" in client.get("/setup").text
    assert neighbour.days.name == "UTC"
    neighbour.renew()
    assert (neighbour.days.name, neighbour.about.name, neighbour.ingest.days.name) == (
        "Asia/Kathmandu", "Mill Lane", "Asia/Kathmandu",
    )  # fmt: skip
    add_grant(fleet.archive, "ada", sensor_id=7)
    for path in ("/sensors/7", "/compare?sensors=7"):
        assert "Asia/Kathmandu" in client.get(path).text, path
    (row,) = audit.newest(fleet.site, OPERATOR, 1, "site")
    assert (row.what, row.fields) == ("setting_up.describe", {"name": "Mill Lane", "zone": "Asia/Kathmandu"})


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"name": "x", "zone": "Mars/Base"}, "IANA"),
        ({"name": " ", "zone": "UTC"}, "1 to 60 characters"),
        ({"name": "a\u200eb"}, "1 to 60 characters"),
        ({"name": "x" * 61}, "longer than 60"),
    ],
)
def test_what_cannot_be_is_said_beside_its_field(fleet: Fleet, fields: dict[str, str], said: str) -> None:
    client = operator(fleet)
    answer = posted(client, "/setup/site", **fields)
    assert (answer.status_code, fleet.site.about.name, fleet.site.days.name) == (400, "", "UTC")
    assert said in answer.text


def test_with_a_reading_there_the_zone_stays(fleet: Fleet) -> None:
    client = operator(fleet)
    assert 'name="zone"' in client.get("/setup").text
    fleet.send(fleet.frame(7, {POWER_IMPORT: 1}))
    assert 'name="zone"' not in client.get("/setup").text
    assert posted(client, "/setup/site", name="Mill Lane", zone="Europe/Berlin").status_code == 400
    assert posted(client, "/setup/site", name="Mill Lane", zone="UTC").status_code == 302
    assert (fleet.site.days.name, fleet.site.about.name) == ("UTC", "Mill Lane")


def test_the_settings_zone_comes_first(make_fleet: Callable[..., Fleet]) -> None:
    fleet = make_fleet(time_zone="Europe/Berlin")
    assert not setting_up.progress(fleet.site, OPERATOR).zone_open
    with pytest.raises(RemoteError, match="zone-late"):
        setting_up.describe(fleet.site, OPERATOR, "x", "Asia/Tokyo")
    assert fleet.site.about.name == ""


def test_a_code_of_the_page_enrols_a_relay_and_is_shown_once(fleet: Fleet) -> None:
    client = operator(fleet)
    page = posted(client, "/setup/relay", name="school roof").text
    code = page.split("--code ")[1].split()[0]
    assert "--remote http://localhost/" in page
    assert code not in client.get("/setup").text
    assert not any(code in json.dumps(asdict(one)) for one in audit.newest(fleet.site, OPERATOR, 100))
    enrolled = enrolment.use_code(fleet.site, Question(code=code, nonce="0" * 32))
    assert enrolled is not None
    assert enrolled.name == "school roof"
    assert enrolment.use_code(fleet.site, Question(code=code, nonce="1" * 32)) is None
    assert posted(client, "/setup/relay", name="").status_code == 400


def test_sensors_of_an_enrolment_file_come_in_by_the_page(fleet: Fleet, tmp_path: Path) -> None:
    client = operator(fleet)
    assert enrolment.public_text(fleet.site, OPERATOR) in client.get("/setup").text
    root = secrets.token_bytes(32)
    entry = Entry(21, "Mill Lane 21", "north", "residential", 1, key_check(root))
    file = {"format": "gridecho enrolment 1", "sensors": [asdict(seal(entry, root, public_key(fleet.archive)))]}
    assert posted(client, "/setup/sensors", text=json.dumps(file)).status_code == 302
    assert "1 sensor is taken in." in client.get("/setup").text
    fleet.send(fleet.frame(21, {POWER_IMPORT: 5}, root=root))
    assert setting_up.progress(fleet.site, OPERATOR).readings
    for text in ("", "{}", "[" * 1_000, json.dumps(file | {"sensors": [{}]})):
        assert posted(client, "/setup/sensors", text=text).status_code == 400


def test_it_is_for_operators(fleet: Fleet) -> None:
    client = fleet.person("bob")
    assert client.get("/setup").status_code == 404
    token = csrf_token(client.get("/access"))
    for path in ("site", "relay", "sensors"):
        assert client.post(f"/setup/{path}", data={"csrf_token": token, "name": "x"}).status_code == 404
    bob = users.found_person(fleet.archive, users.user_id(fleet.archive, "bob")).actor
    for call in (
        lambda: setting_up.progress(fleet.site, bob),
        lambda: setting_up.describe(fleet.site, bob, "x"),
        lambda: enrolment.make_code(fleet.site, bob, "x", 1),
        lambda: enrolment.import_text(fleet.site, bob, "{}"),
        lambda: enrolment.public_text(fleet.site, bob),
    ):
        with pytest.raises(NotAllowedError):
            call()
