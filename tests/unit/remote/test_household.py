"""A household's own files: each reading of them, and each line that cannot be, with its number and why."""

import io
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from gridecho.quantities import ENERGY_EXPORT, ENERGY_IMPORT, POWER_IMPORT, VOLTAGE_L1
from gridecho_remote.rules import household
from gridecho_remote.rules.errors import RemoteError
from gridecho_remote.rules.household import Household
from gridecho_remote.rules.household_csv import read_csv
from gridecho_remote.rules.household_green import read_green
from gridecho_remote.rules.sentences import sentence

BERLIN = ZoneInfo("Europe/Berlin")


def read(text: str) -> Household:
    return read_csv(text.splitlines(keepends=True), BERLIN)


def refused(found: Household) -> list[tuple[int, str]]:
    assert found.bad_count >= len(found.bad)
    assert all(sentence(error) for _, error in found.bad)
    return [(line, error.code) for line, error in found.bad]


def test_an_export_is_read_again() -> None:
    found = read(
        "time,utc,epoch,seq,item,1-0:1.8.0 [Wh],1-0:32.7.0 [mV]\r\n"
        "1800000000,2027-01-15T08:00:00Z,3,0,0,5000,230000\r\n"
        "1800000060,2027-01-15T08:01:00Z,3,1,0,5010,\r\n"
    )
    assert found.rows == {1800000000: {ENERGY_IMPORT: 5000, VOLTAGE_L1: 230000}, 1800000060: {ENERGY_IMPORT: 5010}}
    assert (found.bad, found.ambiguous, found.differences) == ([], 0, 0)


def test_other_units_marks_and_offsets() -> None:
    found = read("\ufefflocal;1-0:1.8.0 [kWh];1-0:1.7.0\n2026-07-01T12:00:00+02:00;1.25;-3\n\n2026-07-01 12:15;2;\n")
    noon = int(datetime(2026, 7, 1, 12, tzinfo=BERLIN).timestamp())
    assert found.rows == {noon: {ENERGY_IMPORT: 1250, POWER_IMPORT: -3}, noon + 900: {ENERGY_IMPORT: 2000}}


@pytest.mark.parametrize(("day", "hours"), [("2026-10-25", 25), ("2026-03-29", 23)])
def test_a_day_on_which_clocks_change(day: str, hours: int) -> None:
    """Each quarter of an hour as its local time, as meters' portals write it."""
    begin = int(datetime.fromisoformat(day).replace(tzinfo=BERLIN).timestamp())
    times = [begin + 900 * n for n in range(hours * 4)]
    local = [datetime.fromtimestamp(time_s, BERLIN).strftime("%Y-%m-%d %H:%M") for time_s in times]
    found = read("local,1-0:1.8.0\n" + "".join(f"{text},{n}\n" for n, text in enumerate(local)))
    assert list(found.rows) == times
    assert (found.bad, found.ambiguous) == ([], 8 if hours == 25 else 0)


def test_the_same_again_is_no_other() -> None:
    found = read("time,1-0:1.8.0,1-0:1.7.0\n1800000000,1,\n1800000000,1,2\n1800000000,,2\n")
    assert (found.rows, found.bad) == ({1800000000: {ENERGY_IMPORT: 1, POWER_IMPORT: 2}}, [])


def test_a_decimal_comma() -> None:
    found = read("time;1-0:1.8.0 [kWh]\n1800000000;1,25\n1800000001;1.5\n")
    assert [values[ENERGY_IMPORT] for values in found.rows.values()] == [1_250, 1_500]


def test_a_time_that_never_was_is_named() -> None:
    assert refused(read("local,1-0:1.8.0\n2026-03-29 01:59,1\n2026-03-29 02:30,2\n")) == [(3, "import-time-never")]


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("yesterday,1", "import-time"),
        ("1800000000.5,1", "import-time"),
        ("0,1", "import-time-beyond"),
        ("9999999999,1", "import-time-beyond"),
        ("1800000060,1.5", "import-value"),
        ("1800000060,1e999999999", "import-value"),
        ("1800000060,x", "import-value"),
        ("1800000060,NaN", "import-value"),
        ("1800000060,1e400", "import-value"),
        ("1800000060,9007199254740992", "import-value"),
        ("1800000060,1,2", "import-cells"),
        ("1800000060", "import-cells"),
        ("1800000000,7", "import-twice"),
    ],
)
def test_each_bad_line_is_named(line: str, code: str) -> None:
    found = read(f"time,1-0:1.8.0\n1800000000,1\n{line}\n1800000120,2\n")
    assert refused(found) == [(3, code)]
    assert list(found.rows) == [1800000000, 1800000120]


@pytest.mark.parametrize(
    "head",
    [
        "",
        "a,b",
        "time,1-0:1.8.0,1-0:1.8.0",
        "\r\r",
        "time",
        "time,power",
        "1-0:1.8.0",
        "time,1-0:1.8.0 [MJ]",
        "time,1-0:99.8.0",
    ],
)
def test_a_file_that_is_none(head: str) -> None:
    with pytest.raises(RemoteError) as error:
        read(f"{head}\n1,2\n")
    assert error.value.code.startswith("import-col") or error.value.code == "import-unit"
    assert sentence(error.value)


def test_there_are_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    found = read("time,1-0:1.8.0\n" + "x,1\n" * 50)
    assert (len(found.bad), found.bad_count) == (household.MOST_BAD, 50)
    monkeypatch.setattr(household, "MOST_ROWS", 3)
    with pytest.raises(RemoteError, match="import-many"):
        read("time,1-0:1.8.0\n" + "".join(f"{n},1\n" for n in range(1, 5)))


def feed(
    uom: int = 72, flow: int = 1, power: int = 0, behaviour: int = 4, readings: str = "", before: str = ""
) -> bytes:
    return (
        f'<?xml version="1.0"?>{before}<feed xmlns="http://www.w3.org/2005/Atom" xmlns:e="http://naesb.org/espi">'
        '<entry><link rel="self" href="M/1"/><link rel="related" href="M/1/IntervalBlock"/>'
        '<link rel="related" href="R/1"/><content><e:MeterReading/></content></entry>'
        '<entry><link rel="self" href="R/1"/><link rel="up" href="R"/><content><e:ReadingType>'
        f"<e:accumulationBehaviour>{behaviour}</e:accumulationBehaviour><e:flowDirection>{flow}</e:flowDirection>"
        f"<e:powerOfTenMultiplier>{power}</e:powerOfTenMultiplier><e:uom>{uom}</e:uom></e:ReadingType></content></entry>"
        '<entry><link rel="self" href="M/1/IntervalBlock/1"/><link rel="up" href="M/1/IntervalBlock"/>'
        f"<content><e:IntervalBlock>{readings}</e:IntervalBlock></content></entry></feed>"
    ).encode()


def interval(begin: object, lasts: object, value: object) -> str:
    return (
        f"<e:IntervalReading><e:timePeriod><e:duration>{lasts}</e:duration><e:start>{begin}</e:start></e:timePeriod>"
        f"<e:value>{value}</e:value></e:IntervalReading>"
    )


def test_energy_by_interval_becomes_a_register() -> None:
    readings = interval(4_500, 900, 7) + interval(900, 900, 5) + interval(1_800, 900, 0)
    found = read_green(io.BytesIO(feed(power=3, readings=readings)))
    assert found.rows == {time_s: {ENERGY_IMPORT: wh} for time_s, wh in (
        (900, 0), (1_800, 5_000), (2_700, 5_000), (4_500, 5_000), (5_400, 12_000),
    )}  # fmt: skip
    assert (found.bad, found.differences) == ([], 1 << ENERGY_IMPORT)


def test_parts_of_a_unit_add_up() -> None:
    """As files of utilities have them: in thousandths of a Wh, with costs and qualities, in more than one block."""
    one = "<e:IntervalReading><e:cost>12</e:cost><e:ReadingQuality><e:quality>14</e:quality></e:ReadingQuality>"
    one += "<e:timePeriod><e:duration>900</e:duration><e:start>{}</e:start></e:timePeriod><e:value>{}</e:value></e:IntervalReading>"
    text = feed(power=-3, readings="".join(one.format(900 * n, 1_400) for n in range(1, 4))).decode()
    begin = text.index('<entry><link rel="self" href="M/1/IntervalBlock/1"/>')
    more = text[begin:].replace("IntervalBlock/1", "IntervalBlock/2").replace("<e:start>", "<e:start>9")
    found = read_green(io.BytesIO((text.removesuffix("</feed>") + more).encode()))
    times = [900, 1_800, 2_700, 3_600, 9_900, 10_800]
    assert [found.rows[time_s][ENERGY_IMPORT] for time_s in times] == [0, 1, 2, 4, 4, 5]
    assert found.bad == []


def test_registers_power_and_energy_fed_in() -> None:
    found = read_green(io.BytesIO(feed(behaviour=1, flow=19, readings=interval(900, 0, 50))))
    assert (found.rows, found.differences) == ({900: {ENERGY_EXPORT: 50}}, 0)
    found = read_green(io.BytesIO(feed(uom=38, behaviour=12, readings=interval(900, 0, -2))))
    assert (found.rows, found.differences) == ({900: {POWER_IMPORT: -2}}, 0)


def test_bad_intervals_are_named() -> None:
    readings = interval(900, 900, 5) + interval(1_000, 900, 5) + interval(2_700, 900, "x") + interval(3_600, 900, -1)
    assert refused(read_green(io.BytesIO(feed(readings=readings)))) == [
        (2, "import-overlap"),
        (3, "import-value"),
        (4, "import-value"),
    ]


LAUGHS = '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
OUTSIDE = '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>'


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<feed/>",
        b"time,1-0:1.8.0\n1,2\n",
        feed(before=LAUGHS, readings=interval(900, 900, "&b;")),
        feed(before=OUTSIDE, readings=interval(900, 900, "&a;")),
        feed(before="<!DOCTYPE x>", readings=interval(900, 900, 5)),
        feed(readings=interval("x", 900, 5)),
        feed(readings=interval("9" * 5_000, 900, 5)),
        feed(readings=interval(900, 900, 5))[:-20],
        feed(uom=119, readings=interval(900, 900, 5)),
        feed(flow=4, readings=interval(900, 900, 5)),
        feed(power=99, readings=interval(900, 900, 5)),
    ],
)
def test_a_green_button_file_that_is_none(content: bytes) -> None:
    with pytest.raises(RemoteError) as error:
        read_green(io.BytesIO(content))
    assert error.value.code in ("import-no-green", "import-green-kind")
    assert sentence(error.value)


def test_a_green_button_file_of_too_many_meters() -> None:
    many = feed(readings=interval(900, 900, 5)).decode()
    begin, end = many.index("<entry>"), many.index("</entry>") + 8
    with pytest.raises(RemoteError, match="import-meters"):
        read_green(io.BytesIO((many[:begin] + many[begin:end] * 21 + many[end:]).encode()))
