"""Green Button files: read back by another reader, value by value, also over days on which clocks change; and for whom they are."""

import io
import os
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from xml.etree import ElementTree as ET
from zoneinfo import ZoneInfo

import pytest
from greenbutton_objects import enums
from greenbutton_objects.parse import parse_feed
from gridecho.quantities import ENERGY_EXPORT, ENERGY_IMPORT, POWER_IMPORT, VOLTAGE_L1
from gridecho.readings import Reading
from gridecho_remote.api import green_button
from gridecho_remote.rules.clock_changes import NEVER, clock_changes
from gridecho_remote.rules.scopes import Resolution
from gridecho_remote.store import timeline
from gridecho_remote.store.grants import add_grant, revoke_grant

from tests.rigs.fleet import Fleet

ZONE = "Europe/Berlin"
ATOM, ESPI = "{http://www.w3.org/2005/Atom}", "{http://naesb.org/espi}"
WH, WH_OUT, W = "1-0:1.8.0", "1-0:2.8.0", "1-0:1.7.0"
# Of the public schema (usage.xsd 3.3): which elements an element has, in this order.
SHAPES = {
    "UsagePoint": ["ServiceCategory"],
    "ServiceCategory": ["kind"],
    "LocalTimeParameters": ["dstEndRule", "dstOffset", "dstStartRule", "tzOffset"],
    "MeterReading": [],
    "ReadingType": [
        "accumulationBehaviour",
        "commodity",
        "dataQualifier",
        "flowDirection",
        "intervalLength",
        "kind",
        "powerOfTenMultiplier",
        "timeAttribute",
        "uom",
    ],
    "IntervalBlock": ["interval", "IntervalReading"],
    "interval": ["duration", "start"],
    "timePeriod": ["duration", "start"],
    "IntervalReading": ["timePeriod", "value"],
}


def midnight(*date: int) -> int:
    return int(datetime(*date, tzinfo=ZoneInfo(ZONE)).timestamp())


# The day before clocks change, and how many hours the next one has.
CHANGES = [pytest.param(midnight(2026, 10, 24), 25, id="autumn"), pytest.param(midnight(2026, 3, 28), 23, id="spring")]
STEP_S, COUNT = 600, 500


def sent(begin: int) -> list[Reading]:
    """Three days and more, each ten minutes: a register that rises by n Wh, one that rises by 3, and power."""
    return [
        Reading(
            begin + STEP_S * n,
            {ENERGY_IMPORT: 10**12 + n * (n + 1) // 2, ENERGY_EXPORT: 7 + 3 * n, POWER_IMPORT: 6 * n, VOLTAGE_L1: 1},
        )
        for n in range(COUNT)
    ]


@pytest.fixture
def filled(make_fleet: Callable[..., Fleet]) -> Callable[[int], Fleet]:
    def make(begin: int) -> Fleet:
        fleet = make_fleet(now_s=begin + 20 * 86_400, time_zone=ZONE)
        readings = sent(begin)
        fleet.send(*(fleet.frame(7, readings[n : n + 10], n // 10) for n in range(0, COUNT, 10)))
        return fleet

    return make


def get(client, query: str = "", status: int = 200) -> bytes:
    answer = client.get(f"/api/v1/sensors/7/green-button.xml{query}")
    assert answer.status_code == status, answer.text
    return answer.data


def read(content: bytes) -> dict[str, list[tuple[int, int, int]]]:
    """What greenbutton-objects 2024.7.11 reads: by title, (begin, seconds, value) by time."""
    (point,) = parse_feed(io.BytesIO(content))
    assert point.serviceCategory is enums.ServiceKind.electricity
    return {
        reading.title: [
            (int(one.timePeriod.start.timestamp()), int(one.timePeriod.duration.total_seconds()), one.value)
            for one in reading.intervalReadings
        ]
        for reading in point.meterReadings
    }


def check_shape(content: bytes) -> None:
    """The order of elements that the schema has, links as its Atom has them, and the schema itself where it is at hand."""
    for element in ET.fromstring(content).iter():  # noqa: S314  # it is ours
        name = element.tag.removeprefix(ESPI)
        if name in SHAPES and len(element):
            below = [one.tag.removeprefix(ESPI) for one in element]
            assert sorted(set(below), key=below.index) == SHAPES[name]
        if element.tag == f"{ATOM}entry":
            links = [at for at, one in enumerate(element) if one.tag == f"{ATOM}link"]
            assert len(links) >= 2
            assert links == list(range(links[0], links[-1] + 1))


@pytest.mark.parametrize(("begin", "hours"), CHANGES)
def test_another_reader_has_each_value(filled: Callable[[int], Fleet], begin: int, hours: int) -> None:
    fleet = filled(begin)
    client = fleet.person()
    add_grant(fleet.archive, "ada", sensor_id=7)
    content = get(client)
    check_shape(content)
    found = read(content)
    times = [begin + STEP_S * n for n in range(COUNT)]
    assert found == {
        "Energy imported": [(times[n], STEP_S, n + 1) for n in range(COUNT - 1)],
        "Energy exported": [(times[n], STEP_S, 3) for n in range(COUNT - 1)],
        "Power drawn": [(times[n], 0, 6 * n) for n in range(COUNT)],
    }
    day = begin + 86_400
    by_hour = read(get(client, f"?unit=hour&quantities={WH_OUT}&from={day}&to={day + hours * 3_600}"))
    assert by_hour == {"Energy exported": [(day + 3_600 * n, 3_600, 18) for n in range(hours)]}
    by_quarter = read(get(client, f"?unit=quarter&quantities={WH_OUT}&from={day}&to={day + 3_600}"))
    assert sum(value for _, _, value in by_quarter["Energy exported"]) == 18
    by_day = read(get(client, f"?unit=day&quantities={WH_OUT}"))["Energy exported"]
    assert by_day[:2] == [(begin, 86_400, 24 * 18), (day, hours * 3_600, hours * 18)]
    month = midnight(*datetime.fromtimestamp(begin, ZoneInfo(ZONE)).replace(day=1).timetuple()[:3])
    ((start, lasts, value),) = read(get(client, f"?unit=month&quantities={WH_OUT}"))["Energy exported"]
    assert (start, lasts, value) == (month, 31 * 86_400 + (hours - 24) * 3_600, 3 * (COUNT - 1))


def test_the_schema_takes_it(filled: Callable[[int], Fleet]) -> None:
    folder = os.environ.get("GRIDECHO_ESPI_SCHEMA")
    if not folder:
        pytest.skip("no package has the schema: GRIDECHO_ESPI_SCHEMA names a folder with its usage.xsd and atom.xsd")
    import xmlschema

    schema = xmlschema.XMLSchema(str(Path(folder) / "usage.xsd"))
    fleet = filled(midnight(2026, 10, 24))
    client = fleet.person()
    add_grant(fleet.archive, "ada", sensor_id=7)
    for query in ("", "?unit=day", "?to=5"):
        schema.validate(io.BytesIO(get(client, query)))
    with pytest.raises(xmlschema.XMLSchemaValidationError):
        schema.validate(io.BytesIO(get(client).replace(b"espi:uom>72", b"espi:uom>x")))


def test_the_clocks_of_the_site() -> None:
    berlin = clock_changes(ZONE)
    assert (berlin.offset_s, berlin.forward_s) == (3_600, 3_600)
    # Last Sunday of March at 2, of October at 3.
    assert (f"{berlin.begins:08X}", f"{berlin.ends:08X}") == ("3E0E2000", "AE0E3000")
    # As NAESB's own examples have them: the second Sunday of March at 2, the first of November at 2.
    york = clock_changes("America/New_York")
    assert (york.offset_s, f"{york.begins:08X}", f"{york.ends:08X}") == (-18_000, "360E2000", "B40E2000")
    dublin = clock_changes("Europe/Dublin")
    assert (dublin.offset_s, dublin.forward_s, f"{dublin.begins:08X}") == (0, 3_600, "3E0E1000")
    for zone, offset_s in (("UTC", 0), ("Asia/Kolkata", 19_800), ("Asia/Kathmandu", 20_700)):
        assert clock_changes(zone).offset_s == offset_s
        assert clock_changes(zone).begins == clock_changes(zone).ends == NEVER


@pytest.mark.parametrize(
    "zone", ["Europe/Berlin", "America/New_York", "Australia/Sydney", "Europe/Dublin", "Pacific/Auckland"]
)
def test_the_bits_say_when_clocks_change(zone: str) -> None:
    """Against the zone itself: a day before and at the moment that the bits say."""
    found = clock_changes(zone)
    for bits, before_s, after_s in ((found.begins, 0, found.forward_s), (found.ends, found.forward_s, 0)):
        month, operator, weekday = bits >> 28, bits >> 25 & 7, bits >> 17 & 7
        first = datetime(2027, month, 1, tzinfo=UTC)
        days = [day for n in range(31) if (day := first + timedelta(n)).month == month and day.isoweekday() == weekday]
        clock = days[-1 if operator == 7 else operator - 2] + timedelta(hours=bits >> 12 & 31, seconds=bits & 0xFFF)
        instant = clock.timestamp() - found.offset_s - before_s
        offsets = [
            datetime.fromtimestamp(instant + step, ZoneInfo(zone)).utcoffset() - timedelta(seconds=found.offset_s)
            for step in (-1, 0)
        ]
        assert offsets == [timedelta(seconds=before_s), timedelta(seconds=after_s)]


def test_no_interval_leads_over_what_is_not_open(filled: Callable[[int], Fleet]) -> None:
    begin = midnight(2026, 10, 24)
    fleet = filled(begin)
    client = fleet.person()
    day = 86_400
    for first, until in ((begin, begin + day), (begin + 2 * day, None)):
        add_grant(fleet.archive, "ada", sensor_id=7, first_s=first, until_s=until, quantities=[WH])
    found = read(get(client))
    assert list(found) == ["Energy imported"]
    assert [time_s for time_s, _, _ in found["Energy imported"]] == [
        begin + STEP_S * n for n in range(COUNT - 1) if not 143 <= n < 288
    ]


def test_a_register_that_goes_back_makes_no_interval(make_fleet: Callable[..., Fleet]) -> None:
    begin = midnight(2026, 10, 24)
    fleet = make_fleet(now_s=begin + 86_400, time_zone=ZONE)
    registers = [100, 150, 20, 25, 25]
    fleet.send(
        *(fleet.frame(7, [Reading(begin + 60 * n, {ENERGY_IMPORT: wh})], n) for n, wh in enumerate(registers)),
        fleet.frame(7, [Reading(begin + 60, {ENERGY_IMPORT: 151})], 9),  # another reading of the same second
    )
    client = fleet.person()
    add_grant(fleet.archive, "ada", sensor_id=7)
    assert read(get(client))["Energy imported"] == [
        (begin, 60, 50),
        (begin + 120, 60, 5),
        (begin + 180, 60, 0),
    ]


def test_the_sensors_page_leads_to_it_where_there_is_a_file(filled: Callable[[int], Fleet]) -> None:
    fleet = filled(CHANGES[0].values[0])
    client = fleet.person()
    number = add_grant(fleet.archive, "ada", sensor_id=7)
    (path,) = re.findall(r'id="green" href="([^"]+)"', client.get("/sensors/7").text)
    assert client.get(path).content_type == green_button.CONTENT_TYPE
    revoke_grant(fleet.archive, number)
    add_grant(fleet.archive, "ada", sensor_id=7, export=False)
    assert 'id="green"' not in client.get("/sensors/7").text


def test_who_has_days_gets_days_and_who_may_not_export_nothing(filled: Callable[[int], Fleet]) -> None:
    begin = midnight(2026, 10, 24)
    fleet = filled(begin)
    client = fleet.person()
    number = add_grant(fleet.archive, "ada", sensor_id=7, resolution=Resolution.DAY)
    found = read(get(client))
    assert {title: len(readings) for title, readings in found.items()} == {"Energy imported": 4, "Energy exported": 4}
    for unit in ("raw", "quarter", "hour"):
        assert read(get(client, f"?unit={unit}")) == {}
    revoke_grant(fleet.archive, number)
    get(client, status=404)
    add_grant(fleet.archive, "ada", sensor_id=7, export=False)
    get(client, status=404)
    get(client, "?unit=week", status=400)


def test_nothing_is_a_feed_without_blocks(filled: Callable[[int], Fleet]) -> None:
    fleet = filled(midnight(2026, 10, 24))
    client = fleet.person()
    add_grant(fleet.archive, "ada", sensor_id=7)
    content = get(client, "?to=5")
    assert {title: list(values) for title, values in read(content).items()} == {
        "Energy imported": [],
        "Energy exported": [],
        "Power drawn": [],
    }
    add_grant(fleet.archive, "ada", sensor_id=9)
    assert client.get("/api/v1/sensors/9/green-button.xml").status_code == 200
    assert client.get("/api/v1/sensors/8/green-button.xml").status_code == 404


def test_it_breaks_off_when_its_grant_ends(filled: Callable[[int], Fleet], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timeline, "_CHUNK", 100)
    monkeypatch.setattr(green_button, "_AT_ONCE", 30)
    fleet = filled(midnight(2026, 10, 24))
    client = fleet.person()
    number = add_grant(fleet.archive, "ada", sensor_id=7)
    assert sum(map(len, read(get(client)).values())) == 3 * COUNT - 2
    answer = client.get("/api/v1/sensors/7/green-button.xml", buffered=False)
    found = [next(answer.response), next(answer.response)]
    revoke_grant(fleet.archive, number)
    with pytest.raises(ConnectionAbortedError):
        found.extend(answer.response)
    assert b"</feed>" not in b"".join(found)
