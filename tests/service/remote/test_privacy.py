"""What is not open cannot be told from what does not exist: whole answers are compared, status, headers and body.

Of two sensors that are alike in all that is open the one has more that is not. Every address answers alike for both.
"""

import json
import re
from typing import Any

import pytest
from flask.testing import FlaskClient
from gridecho.quantities import ENERGY_IMPORT, POWER_IMPORT, ROUTE_RELAY, ROUTE_RTT, SPOOLED, VOLTAGE_L1
from gridecho.readings import Reading
from gridecho_remote.rules.actor import OPERATOR
from gridecho_remote.rules.scopes import Resolution
from gridecho_remote.store.enrol import enrol_sensor
from gridecho_remote.store.grants import add_grant
from gridecho_remote.use import places
from gridecho_remote.use.tidying import tidy

from tests.rigs.fleet import Fleet

W, WH, MV = "1-0:1.7.0", "1-0:1.8.0", "1-0:32.7.0"
NOW = 1_800_000_000  # 08:00 UTC
DAY = 86_400
TODAY = NOW - NOW % DAY
MORE, LESS, NONE = 1007, 1008, 1009  # with what is hidden, without it, with nothing at all
FILES = ["/api/v1/sensors/{}/readings.csv", "/api/v1/sensors/{}/readings.parquet", "/api/v1/sensors/{}/undated.csv"]
GREEN = "/api/v1/sensors/{}/green-button.xml"
RAW = [
    "/api/v1/sensors/{}/readings",
    "/api/v1/sensors/{}/readings?limit=3",
    f"/api/v1/sensors/{{}}/readings?quantities={W}",
    f"/api/v1/sensors/{{}}/readings?from={NOW - 9 * DAY}&to={NOW}&stored_since=1",
    "/api/v1/sensors/{}/gaps",
    "/api/v1/sensors/{}/routes",
    "/api/v1/sensors/{}/undated",
]
OTHER = [
    "/sensors/{}",
    "/api/v1/sensors/{}",
    *(
        f"/api/v1/sensors/{{}}/readings?points={n}&quantities={quantity}{span}"
        for n in (2, 9, 500)
        for quantity in (W, WH, MV)
        for span in ("", f"&from={NOW - 9 * DAY}&to={NOW}")
    ),
    *(
        f"/api/v1/sensors/{{}}/energy?unit={unit}&from=2026-12-01&to=2027-02-27{quantity}"
        for unit in ("quarter", "hour", "day", "month")
        for quantity in ("", f"&quantities={WH}")
    ),
    "/api/v1/sensors/{}/energy",
]
OF_ITSELF = ("Set-Cookie", "X-Request-ID")  # headers that differ each time
ADDRESSES = [*OTHER, *RAW, *FILES, GREEN]


def answer(client: FlaskClient, address: str, sensor_id: int) -> tuple[int, list[tuple[str, str]], bytes]:
    """Status, headers and body, with the sensor's number and the form's token taken out."""
    found = client.get(address.format(sensor_id))
    number = str(sensor_id).encode()
    body = re.sub(rb'(csrf_token"[^>]*value=")[^"]+|urn:uuid:[\w-]+', rb"\1", found.data).replace(number, b"#")
    # A session begins with a cookie of its own, whatever is asked for; and each request has its id.
    headers = [(name, value.replace(str(sensor_id), "#")) for name, value in found.headers if name not in OF_ITSELF]
    assert found.status_code in (200, 404), (address, found.data)
    return found.status_code, headers, body


def told(client: FlaskClient, sensor_id: int, addresses: list[str] = ADDRESSES) -> dict[str, Any]:
    return {address: answer(client, address, sensor_id) for address in addresses}


def listed(client: FlaskClient, sensor_id: int) -> list[Any]:
    rows = [one for one in client.get("/api/v1/sensors").json["sensors"] if one["id"] == sensor_id]
    pages = client.get("/sensors").text + client.get("/").text
    row = re.findall(rf'<a class="[^"]*"(?: role="row")? href="/sensors/{sensor_id}">.*?</a>', pages, re.DOTALL)
    return [json.dumps(rows).replace(str(sensor_id), "#"), [text.replace(str(sensor_id), "#") for text in row]]


def values(n: int) -> dict[int, int]:
    return {POWER_IMPORT: 100 + n % 50, ENERGY_IMPORT: 1_000 + 7 * n}


class Twins:
    """Two sensors and one that has sent nothing."""

    def __init__(self, fleet: Fleet) -> None:
        self.fleet = fleet
        for sensor_id in (MORE, LESS, NONE):
            fleet.roots[sensor_id] = bytes([sensor_id % 256]) * 32
            enrol_sensor(fleet.archive, sensor_id, f"Twin {sensor_id}", "east/a", "residential", fleet.roots[sensor_id])
        self.client = fleet.person()

    def both(self, readings: list[Reading], epoch: int = 5) -> None:
        for sensor_id in (MORE, LESS):
            self._send(sensor_id, readings, epoch)

    def hidden(self, readings: list[Reading], epoch: int) -> None:
        self._send(MORE, readings, epoch)

    def _send(self, sensor_id: int, readings: list[Reading], epoch: int) -> None:
        frames = [self.fleet.frame(sensor_id, readings[n : n + 10], epoch=epoch) for n in range(0, len(readings), 10)]
        self.fleet.send(*frames)

    def check(self, addresses: list[str] = ADDRESSES) -> None:
        for _ in range(2):
            for address in addresses:
                assert answer(self.client, address, MORE) == answer(self.client, address, LESS), address
            assert listed(self.client, MORE) == listed(self.client, LESS)
            assert len(listed(self.client, MORE)[1]) == 2, "in the list and in the overview"
            tidy(self.fleet.site)  # before and after rollups are made


@pytest.fixture
def twins(fleet: Fleet) -> Twins:
    return Twins(fleet)


def hours(first_s: int, last_s: int, step_s: int = 1800) -> list[Reading]:
    return [Reading(at_s, values((at_s - NOW) // step_s)) for at_s in range(first_s, last_s, step_s)]


def of_itself(at_s: int) -> list[Reading]:
    return [Reading(at_s, {ROUTE_RELAY: 1, ROUTE_RTT: 777, SPOOLED: 5})]


def test_the_twins_are_told_apart_by_what_is_open(twins: Twins) -> None:
    """Or the tests below could not fail."""
    add_grant(twins.fleet.archive, "ada", region="east")
    twins.both(hours(NOW - 2 * DAY, NOW))
    twins.check()
    twins.hidden(hours(NOW - 3 * DAY, NOW - 2 * DAY, 3600), 4)
    more, less = told(twins.client, MORE), told(twins.client, LESS)
    assert {address for address in ADDRESSES if more[address] != less[address]} >= {*RAW[:4], *OTHER[:2], *FILES[:2]}


def test_a_sensor_that_is_not_granted_is_none(twins: Twins) -> None:
    add_grant(twins.fleet.archive, "ada", sensor_id=LESS)
    add_grant(twins.fleet.archive, "ada", sensor_id=MORE, expires_s=NOW)
    add_grant(twins.fleet.archive, "ada", sensor_id=MORE, starts_s=NOW + 1)
    add_grant(twins.fleet.archive, "ada", region="east/a", k=2)
    twins.both(hours(NOW - 2 * DAY, NOW))
    twins.hidden(of_itself(NOW - 5), 6)
    for address in ADDRESSES:
        assert answer(twins.client, address, MORE) == answer(twins.client, address, 1999), address
        assert answer(twins.client, address, MORE)[0] == 404
        assert answer(twins.client, address, LESS)[0] == 200
    assert listed(twins.client, MORE) == ["[]", []]


def test_a_quantity_that_is_not_granted_was_never_sent(twins: Twins) -> None:
    add_grant(twins.fleet.archive, "ada", region="east", quantities=[W])
    for n, at_s in enumerate(range(NOW - 2 * DAY, NOW, 1800)):
        twins._send(LESS, [Reading(at_s, {POWER_IMPORT: n})], 5)
        twins._send(MORE, [Reading(at_s, {POWER_IMPORT: n, ENERGY_IMPORT: 50 * n, VOLTAGE_L1: 230_000 - n})], 5)
    twins.check()


def test_nor_when_it_came_with_others(twins: Twins) -> None:
    add_grant(twins.fleet.archive, "ada", region="east", quantities=[W])
    twins.both([Reading(at_s, {POWER_IMPORT: at_s % 999}) for at_s in range(NOW - 2 * DAY, NOW, 1800)])
    for epoch, begin_s in ((3, NOW - 8 * DAY), (6, NOW - 600)):
        twins.hidden([Reading(begin_s + 60 * n, {ENERGY_IMPORT: n, VOLTAGE_L1: 5}) for n in range(9)], epoch)
    twins.check()


def around(twins: Twins, first_s: int, until_s: int) -> None:
    """Between two moments both have the same; around them the one has all there can be."""
    twins.hidden([Reading(first_s - DAY + 600 * n, {**values(n), VOLTAGE_L1: 1}) for n in range(144)], 3)
    twins.hidden([Reading(0, values(n)) for n in range(9)], 4)
    twins.both(hours(first_s, until_s), 5)
    twins.hidden([Reading(until_s + 600 * n, {**values(n), VOLTAGE_L1: 1}) for n in range(20)], 6)
    twins.fleet.frame(MORE, values(1), epoch=6)  # is lost
    twins.hidden(of_itself(until_s + 15_000), 6)


@pytest.mark.parametrize(
    ("first_s", "until_s"), [(TODAY - 5 * DAY, TODAY - 2 * DAY), (TODAY - 4 * DAY + 7777, NOW - 9_999)]
)
def test_what_lies_around_a_span_is_not_there(twins: Twins, first_s: int, until_s: int) -> None:
    add_grant(twins.fleet.archive, "ada", region="east", first_s=first_s, until_s=until_s)
    around(twins, first_s, until_s)
    twins.check()


def test_who_moved_in_or_out_has_no_word_of_the_others(twins: Twins) -> None:
    first_s, until_s = TODAY - 4 * DAY + 5_000, TODAY - DAY + 3_333
    for sensor_id in (MORE, LESS):
        places.begin_contract(twins.fleet.site, OPERATOR, sensor_id, "ada", first_s, until_s)
    around(twins, first_s, until_s)
    twins.check()
    assert answer(twins.client, FILES[0], MORE)[2].count(b"\n") == len(hours(first_s, until_s)) + 1


@pytest.mark.parametrize("resolution", [Resolution.QUARTER, Resolution.HOUR, Resolution.DAY, Resolution.MONTH])
def test_who_sees_periods_sees_no_reading_and_nothing_beside(twins: Twins, resolution: Resolution) -> None:
    add_grant(twins.fleet.archive, "ada", region="east", resolution=resolution)
    over_s = {Resolution.QUARTER: NOW, Resolution.HOUR: NOW, Resolution.DAY: TODAY}.get(resolution, TODAY - 14 * DAY)
    twins.both(hours(TODAY - 40 * DAY, over_s), 5)
    twins.hidden([Reading(0, values(n)) for n in range(9)], 4)
    twins.fleet.frame(MORE, values(1), epoch=6)  # is lost
    twins.hidden(of_itself(over_s - 1), 6)
    twins.hidden([Reading(NOW + DAY, values(n)) for n in range(9)], 7)  # by a wrong clock
    assert answer(twins.client, RAW[0], MORE) == answer(twins.client, RAW[0], NONE)
    for address in RAW:
        assert answer(twins.client, address, MORE) == answer(twins.client, address, NONE), address
    for address in FILES:
        assert answer(twins.client, address, MORE) == answer(twins.client, address, 1999), address
    # The step into the next period ends the one that is over, so what is open is compared without what is ahead.
    twins.check([address for address in ADDRESSES if "energy" not in address and address != GREEN])
    assert answer(twins.client, OTHER[0], MORE)[0] == 200
    energy = twins.client.get(f"/api/v1/sensors/{MORE}/energy?unit=month&from=2026-11-01&to=2027-01-31").json["energy"]
    assert [one["date"] for one in energy] == ["2026-12-01"] if resolution is Resolution.MONTH else energy


def test_two_readings_of_an_hour_and_many_are_alike_for_who_sees_hours(twins: Twins) -> None:
    """An hour's mean and energy are what is open, and no moment within it."""
    add_grant(twins.fleet.archive, "ada", region="east", resolution=Resolution.HOUR, quantities=[W])
    begin_s = NOW - 3600
    for sensor_id, times in ((MORE, (1, 2_000)), (LESS, (700, 3_599))):
        twins._send(sensor_id, [Reading(begin_s + at_s, {POWER_IMPORT: 5 + n}) for n, at_s in enumerate(times)], 5)
    twins.check()


def test_what_may_not_be_taken_away_is_no_file(twins: Twins) -> None:
    add_grant(twins.fleet.archive, "ada", region="east", export=False)
    twins.both(hours(NOW - DAY, NOW))
    for address in (*FILES, GREEN):
        assert answer(twins.client, address, MORE) == answer(twins.client, address, 1999)
    assert twins.client.get(RAW[0].format(MORE)).json["readings"]
    assert b"Download" not in twins.client.get(f"/sensors/{MORE}").data


def test_of_what_may_be_taken_away_in_part_the_rest_is_not_in_the_file(twins: Twins) -> None:
    add_grant(twins.fleet.archive, "ada", region="east", export=False)
    add_grant(twins.fleet.archive, "ada", region="east", quantities=[W], first_s=NOW - DAY)
    twins.both(hours(NOW - 2 * DAY, NOW))
    lines = twins.client.get(FILES[0].format(MORE)).text.splitlines()
    assert lines[0].endswith(f"item,{W} [W]")
    assert len(lines) == 1 + len(hours(NOW - DAY, NOW))
    assert len(twins.client.get(RAW[0].format(MORE)).json["readings"]) == len(hours(NOW - 2 * DAY, NOW))


def test_of_a_day_that_is_not_over_nothing_is_there_without_live(twins: Twins) -> None:
    add_grant(twins.fleet.archive, "ada", region="east", live=False)
    twins.both(hours(TODAY - 2 * DAY, TODAY))
    twins.hidden(hours(TODAY, NOW), 6)
    twins.hidden(of_itself(NOW - 60), 6)
    twins.hidden([Reading(NOW + DAY, values(n)) for n in range(9)], 7)
    twins.check()
    assert twins.client.get(f"/api/v1/sensors/{MORE}").json["latest"]["time"] == TODAY - 1800


def test_a_page_goes_on_over_the_parts_that_are_open(twins: Twins) -> None:
    """Two spans, with more quantities where they overlap."""
    add_grant(twins.fleet.archive, "ada", region="east", quantities=[W], until_s=NOW - 5 * DAY)
    add_grant(twins.fleet.archive, "ada", region="east", quantities=[W], first_s=NOW - 3 * DAY)
    add_grant(twins.fleet.archive, "ada", region="east", quantities=[WH], first_s=NOW - 2 * DAY, until_s=NOW - DAY)
    all_ = hours(NOW - 6 * DAY, NOW)
    twins.both(all_)
    wanted = [
        (one.time_s, {name for name, there in ((W, True), (WH, NOW - 2 * DAY <= one.time_s < NOW - DAY)) if there})
        for one in all_
        if one.time_s < NOW - 5 * DAY or one.time_s >= NOW - 3 * DAY
    ]
    for limit in (1, 7, 48, 192, 1_000):
        path, seen = f"/api/v1/sensors/{MORE}/readings?limit={limit}", []
        while path:
            page = twins.client.get(path).json
            assert len(page["readings"]) <= limit
            seen += [(one["time"], set(one["values"])) for one in page["readings"]]
            path = page["next"]
        assert seen == wanted
    assert twins.client.get(FILES[0].format(MORE)).text.count("\n") == len(wanted) + 1
    thin = twins.client.get(f"/api/v1/sensors/{MORE}/readings?points=5000&quantities={W}").json
    assert [one["time"] for one in thin["readings"]] == [time_s for time_s, _ in wanted]
    assert [NOW - 5 * DAY - 1800, NOW - 3 * DAY] in thin["breaks"]


def test_energy_is_of_periods_that_are_wholly_open(twins: Twins) -> None:
    first_s = TODAY - 4 * DAY + 5_400
    add_grant(twins.fleet.archive, "ada", region="east", first_s=first_s, until_s=TODAY - DAY)
    twins.both(hours(TODAY - 6 * DAY, NOW))
    ask = f"/api/v1/sensors/{MORE}/energy?from=2027-01-01&to=2027-01-31&unit="
    days = twins.client.get(ask + "day").json["energy"]
    assert [one["begin"] for one in days] == [TODAY - 3 * DAY, TODAY - 2 * DAY]
    assert [one["value"] for one in days] == [48 * 7, 47 * 7], "the step out of the span is not open"
    by_hour = twins.client.get(ask + "hour").json["energy"]
    assert by_hour[0]["begin"] == TODAY - 4 * DAY + 7_200
    assert by_hour[-1]["begin"] == TODAY - DAY - 3_600
    assert [one["value"] for one in by_hour] == [14] * (len(by_hour) - 1) + [7]
    assert twins.client.get(ask + "month").json["energy"] == []
