"""What stands below a sensor's curve: energy by hour, beside the period before, the routes, and the call that a program makes."""

import json
import os
import subprocess
import sys
import time
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from gridecho.quantities import ENERGY_IMPORT, POWER_IMPORT, ROUTE_RELAY, ROUTE_RTT
from gridecho.readings import Reading
from gridecho_remote.rules.actor import person
from gridecho_remote.rules.days import days_of
from gridecho_remote.rules.scopes import Resolution, Scope
from gridecho_remote.store.grants import add_grant, put
from gridecho_remote.use import tokens
from selenium.webdriver import Keys
from selenium.webdriver.common.by import By

from tests.rigs.visit import Visit
from tests.rigs.waiting import HANG_S

HOUR_S = 3600
BERLIN = ZoneInfo("Europe/Berlin")
ZONES = [
    "Europe/Berlin",
    "Australia/Lord_Howe",
    "America/Santiago",
    "Asia/Kolkata",
    "Africa/Cairo",
    "UTC",
    "Pacific/Apia",
]
# What a part shows, by its name, once it is there.
PART = "return document.querySelector(`[data-part=${arguments[0]}]`).drawn"


def day_s(day: date) -> int:
    """When it begins in Berlin."""
    return int(datetime(day.year, day.month, day.day, tzinfo=BERLIN).timestamp())


def wh_of(hour: int) -> int:
    """What is drawn in an hour, by its number since 1970."""
    return 100 + 37 * (hour % 24) + hour % 7


class Below(Visit):
    """A sensor with so many days up to now, a reading each half hour; none in some spans."""

    def fill_days(self, days: int, *away: tuple[int, int]) -> None:
        now_s = int(time.time())
        begin = day_s(datetime.now(BERLIN).date() - timedelta(days))
        wh, readings = 1_000_000, []
        for at in range(begin, now_s, HOUR_S // 2):
            if not any(from_s <= at < to_s for from_s, to_s in away):
                readings.append(Reading(at, {ENERGY_IMPORT: wh, POWER_IMPORT: 2 * wh_of(at // HOUR_S) % 3000}))
            wh += wh_of(at // HOUR_S) // 2 if at % HOUR_S == 0 else wh_of(at // HOUR_S) - wh_of(at // HOUR_S) // 2
        self.send(*(self.fleet.frame(7, readings[at : at + 40]) for at in range(0, len(readings), 40)))

    def come_to(self, part: str) -> None:
        """Scrolls there, and waits until it is whole."""
        css = f"[data-part={part}]"
        self.browser.execute_script("document.querySelector(arguments[0]).scrollIntoView({block: 'center'})", css)
        self.until(
            lambda: not self.browser.execute_script(f"return document.querySelector('{css}').hasAttribute('aria-busy')")
        )

    def picture(self, part: str, name: str) -> None:
        for theme in ("light", "dark"):
            features = {"features": [{"name": "prefers-color-scheme", "value": theme}]}
            self.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", features)
            self.come_to(part)
            self.shoot(f"{name}-{theme}")

    def heat(self) -> dict[int, int]:
        """Of each hour that is drawn what it says, in Wh."""
        return dict(
            self.browser.execute_script(
                "return [...document.querySelector('[data-part=heat]').drawn.hours].map(([at, hour]) => [at, hour.wh])"
            )
        )


@pytest.fixture
def below(visit: Visit) -> Below:
    found = Below.__new__(Below)
    found.__dict__ = visit.__dict__
    found.first_login()
    return found


def test_energy_by_hour_of_the_day_and_from_a_day_to_its_curve(below: Below) -> None:
    add_grant(below.fleet.archive, "ada", sensor_id=7)
    today = datetime.now(BERLIN).date()
    away = (day_s(today - timedelta(5)) + 3 * HOUR_S, day_s(today - timedelta(5)) + 9 * HOUR_S)
    below.fill_days(40, away)
    below.browser.get(below.url + "sensors/7")
    below.until(lambda: len(below.line()) > 40)
    below.come_to("heat")
    asked = below.browser.execute_script(
        "return performance.getEntriesByType('resource').map((e) => [e.name, e.startTime, e.responseEnd])"
    )
    curve_ms = min(end_ms for name, _, end_ms in asked if "points=" in name)
    later = [begin_ms for name, begin_ms, _ in asked if "heat.js" in name or "unit=hour" in name]
    assert later, asked
    assert min(later) >= curve_ms, "the curve waits for nothing below it"
    hours = below.heat()
    first = day_s(today - timedelta(27))
    assert min(hours) == first
    assert all(hours[at] == wh_of(at // HOUR_S) for at in range(first, away[0] - HOUR_S, HOUR_S))
    assert away[0] not in hours
    assert below.browser.execute_script("return document.querySelectorAll('.heat tbody i.none').length") == 6
    assert below.browser.execute_script("return document.querySelectorAll('.heat tbody i.reaches').length") == 1
    cells = below.browser.execute_script(
        "return [...document.querySelectorAll('.heat tbody td')].map((e) => e.textContent)"
    )
    assert "03:00: no readings" in cells
    assert any(one.startswith("02:00: ") and "with what was drawn until" in one for one in cells)
    below.picture("heat", "heat")
    # By keyboard: the newest day has the focus, two to the left of it is asked for.
    button = below.browser.find_element(By.CSS_SELECTOR, ".heat thead button[tabindex='0']")
    button.send_keys(Keys.ARROW_LEFT)
    below.browser.switch_to.active_element.send_keys(Keys.ARROW_LEFT)
    below.browser.switch_to.active_element.send_keys(Keys.ENTER)
    day = today - timedelta(2)
    below.until(lambda: below.curve("span") == [day_s(day), day_s(day + timedelta(1))])
    below.until(lambda: 40 < len(below.line()) < 60)
    below.click("[data-part=heat] .earlier")
    below.until(lambda: min(below.heat()) < first)
    assert below.browser.execute_script("return document.querySelector('[data-part=heat] .earlier').disabled")
    assert below.complaints() == []


def test_days_of_23_and_25_hours_begin_where_the_remote_has_them_begin(below: Below) -> None:
    add_grant(below.fleet.archive, "ada", sensor_id=7)
    below.fill_days(1)
    below.browser.get(below.url + "sensors/7")
    below.until(lambda: below.line())
    path = below.browser.execute_script("return document.querySelector('script[type=module]').src").replace(
        "page.js", "zone.js"
    )
    for zone in ZONES:
        days = days_of(zone)
        for year in (2011, 2026):
            first = days.day_of(date(year, 1, 1))
            told = below.browser.execute_async_script(
                """
                const [path, zone, first, done] = arguments;
                import(path).then(({ zoneOf, later }) => {
                  const here = zoneOf(zone, "en");
                  done(Array.from({ length: 366 }, (_, n) => [here.midnight(later(first, n)), here.hours(later(first, n))]));
                });
                """,
                path,
                zone,
                f"{year}-01-01",
            )
            expected = [[int(days.starts_s[n]), days.hour_starts_s(n).tolist()] for n in range(first, first + 366)]
            assert told == expected, (zone, year)


def test_a_night_of_two_hours_from_two_to_three_and_one_of_none(below: Below) -> None:
    add_grant(below.fleet.archive, "ada", sensor_id=7)
    frames, wh = [], 0
    for begin in (day_s(date(2026, 10, 24)), day_s(date(2026, 3, 28))):
        for n in range(0, 72, 36):
            readings = [Reading(begin + HOUR_S * (n + k), {ENERGY_IMPORT: wh + 10 * (n + k) ** 2}) for k in range(36)]
            frames.append(below.fleet.frame(7, readings))
        wh += 10**6
    below.send(*frames)
    below.browser.get(below.url + "sensors/7")
    below.until(lambda: below.line())
    below.come_to("heat")

    def cells(day: str) -> list[str]:
        while True:
            found = below.browser.execute_script(
                "return [...document.querySelectorAll(`.heat tbody td[data-day='${arguments[0]}']`)].map((e) => e.textContent)",
                day,
            )
            if found:
                return found
            before = below.browser.execute_script(f"{PART}.days[0]", "heat")
            below.click("[data-part=heat] .earlier")
            below.until(lambda: below.browser.execute_script(f"{PART}.days[0]", "heat") != before)  # noqa: B023

    back = cells("2026-10-25")
    assert len(back) == 24
    assert back[2] == "02:00 +02:00: 530 Wh; 02:00 +01:00: 550 Wh"
    assert below.browser.execute_script("return document.querySelectorAll('.heat td.of2').length") == 1
    below.picture("heat", "heat-night")
    forth = cells("2026-03-29")
    assert len(forth) == 24
    assert forth[2] == "this day has no such hour"


def test_energy_beside_the_period_before(below: Below) -> None:
    add_grant(below.fleet.archive, "ada", sensor_id=7)
    below.fill_days(70)
    below.browser.get(below.url + "sensors/7")
    below.until(lambda: below.line())
    below.come_to("energy")
    today = datetime.now(BERLIN).date()
    drawn = below.browser.execute_script(PART, "energy")
    over = [slot for slot in drawn["now"]["slots"] if not slot["going"] and not slot["ahead"]]
    assert len(over) == today.day - 1
    for slot in over + drawn["before"]["slots"]:
        day = date.fromisoformat(slot["day"])
        wh = sum(wh_of(at // HOUR_S) for at in range(day_s(day), day_s(day + timedelta(1)), HOUR_S))
        assert slot["wh"] == wh, slot
    below.picture("energy", "energy-month")
    below.click("[data-period=week]")
    below.until(lambda: len(below.browser.execute_script(PART, "energy")["now"]["slots"]) == 7)
    below.until(lambda: "The period before" in below.text(".sum") or "period" in below.text(".sum"))
    below.shoot("energy-week")
    below.click("[data-period=year]")
    below.until(lambda: len(below.browser.execute_script(PART, "energy")["now"]["slots"]) == 12)
    # Seventy days are no two years.
    below.until(
        lambda: any(one in below.text(".sum") for one in ("no difference is told", "Nothing of this period is over"))
    )
    below.click("[data-part=energy] details summary")
    below.shoot("energy-year")
    assert below.complaints() == []


COMPARED = """
  const [path, kind, today, energy, first, last, byHour, done] = arguments;
  import(path).then(({ compared, partsOf }) => {
    const midnight = (day) => Date.parse(day) / 1000;
    const [before, now] = [1, 0].map((back) => partsOf(kind, today, back));
    const part = compared(now, before, energy, "day", { today, first, last, midnight, byHour });
    done([now.begin, now.end, before.begin, before.end, part.slots, part.now, part.before, part.lacks]);
  });
"""
NOVEMBER = (
    "month",
    "2026-11-11",
    "2026-09-01",
)  # ten of its days are over; of each day it is 1 Wh more than of the one before
BOTH = ("11-01", "11-30", "10-01", "10-31", 10)


@pytest.mark.parametrize(
    ("kind", "today", "from_", "without", "expected"),
    [
        (*NOVEMBER, "", (*BOTH, 655, 345, None)),
        # A hole within a period loses nothing, one at its begin or its end something.
        (*NOVEMBER, "2026-10-05", (*BOTH, 655, 311, None)),
        (*NOVEMBER, "2026-10-10", (*BOTH, 655, 306, "before")),
        (*NOVEMBER, "2026-11-01", (*BOTH, 594, 345, "now")),
        ("month", "2026-11-11", "2026-10-02", "", (*BOTH, 345, 36, "before")),
        # On the first day nothing is over; March is longer than February, and on a Monday a week begins.
        ("month", "2026-11-01", "2026-09-01", "", (*BOTH[:4], 0, 0, 0, None)),
        ("month", "2026-03-31", "2026-01-01", "", ("03-01", "03-31", "02-01", "02-28", 28, 2030, 1246, None)),
        ("week", "2026-11-16", "2026-09-01", "", ("11-16", "11-22", "11-09", "11-15", 0, 0, 0, None)),
        ("week", "2026-11-18", "2026-09-01", "", ("11-16", "11-22", "11-09", "11-15", 2, 153, 139, None)),
    ],
)
def test_what_is_compared_is_what_is_over_and_known_from_end_to_end(
    below: Below, kind: str, today: str, from_: str, without: str, expected: tuple[Any, ...]
) -> None:
    add_grant(below.fleet.archive, "ada", sensor_id=7)
    below.fill_days(1)
    below.browser.get(below.url + "sensors/7")
    below.until(lambda: below.line())
    path = below.browser.execute_script("return document.querySelector('script[type=module]').src")
    first, last = (date.fromisoformat(one) for one in (from_, today))
    days = [(first + timedelta(n)).isoformat() for n in range((last - first).days + 1)]
    energy = [{"date": day, "value": n} for n, day in enumerate(days) if day != without]
    begin, end = (int(datetime.fromisoformat(f"{day}T00:00+00:00").timestamp()) for day in (from_, today))
    told = below.browser.execute_async_script(
        COMPARED, path.replace("page.js", "periods.js"), kind, today, energy, begin, end + 36_000, True
    )
    assert told == [*(f"2026-{one}" for one in expected[:4]), *expected[4:]]


@pytest.mark.parametrize(
    ("resolution", "parts"), [(Resolution.DAY, ["energy", "call"]), (Resolution.MONTH, ["energy", "call"])]
)
def test_a_grant_by_the_day_has_no_hours(below: Below, resolution: Resolution, parts: list[str]) -> None:
    put(below.fleet.archive, "ada", Scope(sensors=frozenset({7}), resolution=resolution), time.time())
    below.fill_days(70)
    below.browser.get(below.url + "sensors/7")
    below.until(lambda: below.text("h1") == "Mill Lane 12")
    assert (
        below.browser.execute_script("return [...document.querySelectorAll('[data-part]')].map((e) => e.dataset.part)")
        == parts
    )
    below.until(lambda: "single readings are not shared with you" in below.text("#note"))
    assert below.text("#spans .active") == "All", "a day would be one point"
    below.come_to("energy")
    drawn = below.browser.execute_script(PART, "energy")
    assert len(drawn["now"]["slots"]) == (12 if resolution is Resolution.MONTH else len(drawn["now"]["slots"]))
    assert any(slot["wh"] for period in ("now", "before") for slot in drawn[period]["slots"])
    below.shoot(f"grant-{resolution.name.lower()}")
    assert below.complaints() == []


def test_the_routes_that_a_sensor_took(below: Below) -> None:
    add_grant(below.fleet.archive, "ada", sensor_id=7)
    below.fill_days(2)
    now_s = int(time.time())
    for n in range(14):
        route = Reading(now_s - 86_400 + 6_000 * n, {ROUTE_RELAY: 1 + n % 3 // 2, ROUTE_RTT: 900 + 100 * n})
        below.send(below.fleet.frame(7, [route], epoch=2 + n), relay_id=1 + n % 3 // 2)
    below.browser.get(below.url + "sensors/7")
    below.until(lambda: below.line())
    below.come_to("routes")
    rows = below.texts("[data-part=routes] tbody tr")
    assert len(rows) == 10
    below.picture("routes", "routes")
    below.click("[data-part=routes] .all")
    rows = below.texts("[data-part=routes] tbody tr")
    assert len(rows) == 14
    assert "now" in rows[0] and "Relay 1" in rows[0] and "2.2 ms" in rows[0]
    assert "the first one known" in rows[-1]
    assert sum("switched" in row for row in rows) == 8
    assert below.complaints() == []


def test_months_stand_where_no_day_of_them_is_open(below: Below) -> None:
    this_month = datetime.now(BERLIN).date().replace(day=1)
    for scope in (Scope(resolution=Resolution.MONTH), Scope(resolution=Resolution.DAY, first_s=day_s(this_month))):
        put(below.fleet.archive, "ada", scope._replace(sensors=frozenset({7})), time.time())
    below.fill_days(100)
    below.browser.get(below.url + "sensors/7")
    below.until(lambda: below.text("h1") == "Mill Lane 12")
    below.come_to("energy")
    below.click("[data-period=year]")
    below.until(lambda: len(below.browser.execute_script(PART, "energy")["now"]["slots"]) == 12)
    drawn = below.browser.execute_script(PART, "energy")
    slots = {slot["day"]: slot["wh"] for period in ("before", "now") for slot in drawn[period]["slots"]}
    last_month = (this_month - timedelta(1)).replace(day=1)
    hours = range(day_s(last_month), day_s(this_month), HOUR_S)
    assert slots[last_month.isoformat()] == sum(wh_of(at // HOUR_S) for at in hours)
    assert below.complaints() == []


def test_what_a_program_is_to_ask_gives_just_what_the_chart_shows(below: Below) -> None:
    add_grant(below.fleet.archive, "ada", sensor_id=7)
    begin = int(time.time()) // 300 * 300 - 30 * 86_400
    readings = [Reading(begin + 300 * n, {POWER_IMPORT: n * 7919 % 3000}) for n in range(30 * 288)]
    below.fleet.clock.now_s = time.time() - 60  # what has just come is drawn as it came
    below.fleet.send(*(below.fleet.frame(7, readings[at : at + 60]) for at in range(0, len(readings), 60)))
    token = tokens.add(below.fleet.site, person(1), "notebook", Scope(), 1).token
    below.browser.get(below.url + "sensors/7")
    below.until(lambda: below.line())
    below.come_to("call")
    below.click("#live")
    below.click('#spans [data-seconds="0"]')
    below.until(lambda: "Thinned" in below.text("#note") and len(below.line()) > 1000)
    environment = {**os.environ, "GRIDECHO_TOKEN": token}

    def text(kind: str) -> str:
        below.click(f"[data-kind={kind}]")
        return below.browser.execute_script("return document.querySelector('[data-part=call] pre code').textContent")

    def ran(*command: str) -> str:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=HANG_S, check=True)
        return done.stdout

    asked: Any = json.loads(ran("sh", "-c", text("curl")))
    shown = list(zip(below.times(), below.line(), strict=True))
    given = [(one["time"], one["values"]["1-0:1.7.0"]) for one in asked["readings"]]
    assert given == [one for one in shown if one[1] is not None]
    script = text("python") + "\nprint(len(frame), frame['1-0:1.7.0'].sum(), frame.index.tz)"
    last = ran(sys.executable, "-c", script).strip().splitlines()[-1]
    assert last == f"{len(given)} {sum(value for _, value in given)} Europe/Berlin"
    links = below.browser.execute_script("return [...document.querySelectorAll('[data-file]')].map((e) => e.href)")
    assert len(links) == 4  # energy is asked for by days
    from_s = int(below.curve("span")[0])
    assert all(f"?from={from_s}&to=" in link for link in links)
    # Copied is what is read, where the browser lets it.
    below.browser.execute_cdp_cmd(
        "Browser.grantPermissions", {"permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"]}
    )
    below.browser.find_element(By.CSS_SELECTOR, "[data-part=call] .copy").click()
    below.until(lambda: below.text("[data-part=call] .copy") == "Copied")
    copied = below.browser.execute_async_script("navigator.clipboard.readText().then(arguments[0])")
    shown = "return document.querySelector('[data-part=call] pre code').textContent"
    assert copied == below.browser.execute_script(shown)
    assert "pandas" in copied
    below.picture("call", "call")
    assert below.complaints() == []


def test_a_part_that_does_not_come_says_so_and_the_others_are_there(below: Below) -> None:
    add_grant(below.fleet.archive, "ada", sensor_id=7)
    below.fill_days(2)
    below.browser.execute_cdp_cmd("Network.enable", {})
    below.browser.execute_cdp_cmd("Network.setBlockedURLs", {"urls": ["*/sensor/heat.js"]})
    try:
        below.browser.get(below.url + "sensors/7")
        below.until(lambda: below.line())
        below.come_to("heat")
        assert below.text("[data-part=heat] .told") == "This part did not come. Load the page anew."
        below.come_to("energy")
        assert below.browser.execute_script(PART, "energy")["now"]["wh"] > 0
        assert all("heat.js" in one for one in below.complaints())
    finally:
        below.browser.execute_cdp_cmd("Network.setBlockedURLs", {"urls": []})
        below.browser.execute_cdp_cmd("Network.disable", {})


def test_the_parts_in_chinese_and_on_a_phone(below: Below) -> None:
    add_grant(below.fleet.archive, "ada", sensor_id=7)
    below.fill_days(60)
    phone = {"width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": True}
    below.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", phone)
    below.browser.add_cookie({"name": "language", "value": "zh"})
    below.browser.get(below.url + "sensors/7")
    below.until(lambda: below.line())
    for part in ("heat", "energy", "routes", "call"):
        below.come_to(part)
    scroll = "const e = document.querySelector('.heat-scroll'); return [e.scrollLeft, e.scrollWidth - e.clientWidth]"
    at, most = below.browser.execute_script(scroll)
    assert most > 100 and at >= most - 1, "the newest days are in view"
    assert below.browser.execute_script("return document.documentElement.scrollWidth <= innerWidth")
    said = below.browser.execute_script(
        "return [...document.querySelectorAll('[data-part] p, [data-part] .heat td[title]')].map((e) => e.title || e.innerText)"
    )
    assert any("至今" in one for one in said)
    assert "月" in below.text(".heat .month")
    assert any("月" in one for one in below.curve("ticks"))
    for part in ("heat", "energy"):
        below.come_to(part)
        below.shoot(f"zh-{part}")
    assert below.complaints() == []
