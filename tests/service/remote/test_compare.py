"""Finding sensors by name, and the page that compares some: of what is named in its address each sees what they may."""

import json
import re
from html import unescape
from typing import Any

import pytest
from flask.testing import FlaskClient
from gridecho.quantities import ENERGY_IMPORT, POWER_IMPORT
from gridecho_remote.rules.scopes import Resolution, Scope
from gridecho_remote.store.enrol import enrol_sensor
from gridecho_remote.store.grants import add_grant, put

from tests.rigs.fleet import Fleet


def named(client: FlaskClient, text: str, **more: object) -> list[int]:
    answer = client.get("/api/v1/sensors", query_string={"name": text, **more})
    assert answer.status_code == 200
    return [one["id"] for one in answer.json["sensors"]]


def setup_of(client: FlaskClient, query: str) -> dict[str, Any]:
    page = client.get("/compare" + query).get_data(as_text=True)
    (found,) = re.findall(r'data-compare="([^"]*)"', page)
    return json.loads(unescape(found))


@pytest.fixture
def filled(fleet: Fleet) -> Fleet:
    for number, name in ((70, "Mühle 7"), (71, "100% Mill"), (72, "水表 7"), (73, "mill_lane")):
        enrol_sensor(fleet.archive, number, name, "north/city-a", "residential", bytes(32))
    for sensor_id in (7, 8, 9):
        fleet.send(fleet.frame(sensor_id, {POWER_IMPORT: 5, ENERGY_IMPORT: 9}))
    return fleet


def test_sensors_by_a_part_of_their_name_or_their_number(filled: Fleet) -> None:
    client = filled.person()
    add_grant(filled.archive, "ada", region="north")
    assert named(client, "mill") == [7, 71, 73]
    assert named(client, " MILL Lane ") == [7]
    assert named(client, "mühle") == named(client, "MÜHLE") == [70]
    assert named(client, "水表") == [72]
    assert named(client, "0%") == [71], "what stands for others in a pattern stands for itself"
    assert named(client, "mill_") == [73]
    assert named(client, "7") == [7, 70, 72], "as a number, or in a name"
    assert named(client, "Harbour") == [], "of the south"
    assert named(client, "nothing of that name") == []
    first = client.get("/api/v1/sensors?name=mill&limit=2").json
    assert [one["id"] for one in client.get(first["next"]).json["sensors"]] == [73]
    for text in ("\0", "a\nb", "x" * 101):
        assert client.get("/api/v1/sensors", query_string={"name": text}).status_code == 400


def test_the_address_says_what_is_compared_and_each_sees_what_they_may(filled: Fleet) -> None:
    ada, kim = filled.person("ada"), filled.person("kim")
    add_grant(filled.archive, "ada", region="north")
    put(filled.archive, "kim", Scope(sensors=frozenset({8}), resolution=Resolution.DAY), filled.clock())
    query = "?sensors=8,7,9,99,7&regions=north/city-a,%20south%20"
    found = setup_of(ada, query)
    assert [one["name"] for one in found["chosen"]] == ["Town hall", "Mill Lane 12", "north/city-a", "south"]
    assert [one["obis"] for one in found["quantities"]] == ["1-0:1.7.0", "1-0:1.8.0"]
    assert found["chosen"][0]["less"] == "/compare?sensors=7&region=north/city-a&region=south"
    assert found["chosen"][3]["less"] == "/compare?sensors=8,7&region=north/city-a"
    page = ada.get("/compare" + query).get_data(as_text=True)
    assert "2 of the sensors in this address are not there, or not shared with you." in page
    assert "Harbour" not in page
    filled.clock.now_s += 3 * 86_400
    theirs = kim.get("/compare" + query).get_data(as_text=True)
    assert "Mill Lane" not in theirs
    assert re.findall(r'<option value="([^"]+)"', theirs) == [
        "curve 1-0:1.7.0",
        "day 1-0:1.8.0",
        "month 1-0:1.8.0",
    ], "by hour nothing is open"


def test_at_most_six_and_absurd_addresses(filled: Fleet) -> None:
    client = filled.person()
    add_grant(filled.archive, "ada", region="north")
    found = setup_of(client, "?sensors=7,8,70,71,72,73,9&region=north&region=south")
    assert len(found["chosen"]) == 6
    page = client.get("/compare?sensors=7,8,70,71,72,73,9&region=north").get_data(as_text=True)
    assert "At most 6 are compared" in page and 'id="choose"' not in page
    for query in (
        "",
        "?sensors=",
        "?sensors=-1,x,1e9,٣," + "9" * 5_000,
        "?region=&regions=,,/",
        "?regions=%00",
        "?region=" + "a/" * 900,
    ):
        assert client.get("/compare" + query).status_code == 200, query
    assert setup_of(client, "?region=%3Cb%3E,x")["chosen"][0]["name"] == "<b>,x"
    assert "<b>,x" not in client.get("/compare?region=%3Cb%3E,x").get_data(as_text=True)


def test_links_from_a_sensors_page(filled: Fleet) -> None:
    client = filled.person()
    add_grant(filled.archive, "ada", region="north")
    page = client.get("/sensors/7").get_data(as_text=True)
    assert '"/compare?sensors=7"' in page
    assert '"/compare?sensors=7&amp;region=north/city-a"' in page
