"""A person in front of the pages: first login, the list, a sensor whose curve grows while they look, on a desk and on a phone."""

import json
import math
import time

import urllib3
from gridecho.holdings import Piece
from gridecho.quantities import ENERGY_IMPORT, POWER_IMPORT, ROUTE_RELAY, ROUTE_RTT, VOLTAGE_L1
from gridecho.readings import Reading
from gridecho_remote.store import holdings
from gridecho_remote.store.grants import add_grant, revoke_grant
from selenium.webdriver import ActionChains
from selenium.webdriver.common.by import By

from tests.rigs.fleet import Fleet
from tests.rigs.heartbeats import beat
from tests.rigs.visit import Visit
from tests.rigs.waiting import HANG_S


def load_w(second: int) -> int:
    """A load that looks like a household's."""
    return int(600 + 350 * math.sin(second / 40) + (1400 if second % 110 < 25 else 0) + 17 * (second * 7919 % 13))


def frames_of(fleet: Fleet, sensor_id: int, from_s: int, to_s: int) -> list[bytes]:
    frames = []
    for t in range(from_s, to_s):
        values = {ENERGY_IMPORT: 1_000_000 + (t - from_s), POWER_IMPORT: load_w(t), VOLTAGE_L1: 230_000 + t % 900}
        frames.append(fleet.frame(sensor_id, [Reading(t, values)]))
    return frames


def test_from_the_first_login_to_a_curve_that_grows(visit: Visit) -> None:
    fleet, browser = visit.fleet, visit.browser
    visit.first_login()
    assert "Nothing has been shared" in visit.text("main")
    visit.shoot("nothing-shared")
    number = add_grant(fleet.archive, "ada", region="north")
    now_s = int(time.time())
    early = frames_of(fleet, 7, now_s - 240, now_s - 120)
    held_back = frames_of(fleet, 7, now_s - 120, now_s - 90)  # on a relay still: a hole
    visit.send(*early, *frames_of(fleet, 7, now_s - 90, now_s))
    visit.send(fleet.frame(7, [Reading(now_s, {ROUTE_RELAY: 2, ROUTE_RTT: 1830})]), relay_id=2)
    visit.send(*frames_of(fleet, 8, now_s - 7300, now_s - 7270), relay_id=2)

    browser.get(visit.url + "sensors")
    rows = [" ".join(row.split()) for row in visit.texts("a.sensor-row")]
    assert len(rows) == 2
    assert "Mill Lane 12" in rows[0]
    assert "Relay 2 1.8 ms" in rows[0]
    assert "2 h ago" in rows[1]
    visit.shoot("sensors")

    visit.click("a.sensor-row")
    visit.until(lambda: len(visit.line()) > 200)
    first = visit.line()
    assert first.count(None) == 1  # the hole, and nothing else
    assert [y for y in first if y is not None][:120] == [load_w(t) for t in range(now_s - 240, now_s - 120)]
    assert visit.text("#relay") == "Relay 2"
    assert visit.text("#rtt") == "1.8 ms"
    visit.until(lambda: "Missing here: 30 datagrams" in visit.text("#note"))

    visit.send(*frames_of(fleet, 7, now_s, now_s + 5))
    visit.until(lambda: len(visit.line()) >= len(first) + 5)
    assert visit.line()[-1] == load_w(now_s + 4)
    visit.shoot("sensor")
    visit.send(*held_back, relay_id=2)
    visit.until(lambda: None not in visit.line())
    visit.until(lambda: "Missing" not in visit.text("#note"))
    assert len(visit.line()) == 245
    assert visit.complaints() == []

    revoke_grant(fleet.archive, number)
    visit.until(lambda: "404" in visit.text("main"))


def test_zoom_spans_quantities_and_download(visit: Visit) -> None:
    fleet, browser = visit.fleet, visit.browser
    visit.first_login()
    add_grant(fleet.archive, "ada", sensor_id=7)
    minute_s = int(time.time()) // 60 * 60
    day = [
        Reading(t, {ENERGY_IMPORT: 10**6 + n, POWER_IMPORT: load_w(n), VOLTAGE_L1: 230_000 + n % 900})
        for n, t in enumerate(range(minute_s - 3 * 86_400, minute_s, 60))
    ]
    visit.send(*(fleet.frame(7, day[at : at + 60]) for at in range(0, len(day), 60)))
    browser.get(visit.url + "sensors/7")
    visit.until(lambda: len(visit.line()) > 1400)
    assert visit.text("#spans .active") == "1 d"
    assert len(visit.line()) <= 1441

    browser.find_element(By.CSS_SELECTOR, '#spans [data-seconds="604800"]').click()
    visit.until(lambda: "Thinned" in visit.text("#note"))
    assert 500 < len(visit.line()) <= 1502
    visit.shoot("week")

    plot = browser.find_element(By.CSS_SELECTOR, "#chart .u-over")
    ActionChains(browser).move_to_element_with_offset(plot, 200, 0).click_and_hold().move_by_offset(
        60, 0
    ).release().perform()
    visit.until(lambda: "Double-click" in visit.text("#note"))
    visit.until(lambda: "Thinned" not in visit.text("#note"))
    assert 100 < len(visit.line()) < 1440
    path = browser.find_element(By.ID, "csv").get_attribute("href").removeprefix(visit.url)
    cookie = browser.get_cookie("gridecho")["value"]
    answer = urllib3.request("GET", visit.url + path, headers={"Cookie": f"gridecho={cookie}"}, timeout=HANG_S)
    lines = answer.data.decode().splitlines()
    assert abs(len(lines) - 1 - len(visit.line())) <= 2
    visit.shoot("zoomed")

    browser.find_element(By.CSS_SELECTOR, '#quantity [value="1-0:32.7.0"]').click()
    visit.until(lambda: min(y for y in visit.line() if y is not None) > 200_000)
    assert visit.curve("unit") == visit.text("#chart .unit-name") == "V"
    assert visit.complaints() == []


def test_a_sensor_that_sent_nothing_and_a_span_without_readings(visit: Visit) -> None:
    fleet, browser = visit.fleet, visit.browser
    visit.first_login()
    add_grant(fleet.archive, "ada", region="north")
    browser.get(visit.url + "sensors/8")
    visit.until(lambda: "nothing to show yet" in visit.text("#note"))
    visit.shoot("no-readings")
    now_s = int(time.time())
    visit.send(fleet.frame(7, [Reading(now_s - 7200 + n, {POWER_IMPORT: 40 + n}) for n in range(5)]))
    visit.send(fleet.frame(7, [Reading(now_s, {POWER_IMPORT: 50})]))
    browser.get(visit.url + "sensors/7")
    visit.until(lambda: len(visit.line()) == 6)
    plot = browser.find_element(By.CSS_SELECTOR, "#chart .u-over")
    ActionChains(browser).move_to_element(plot).click_and_hold().move_by_offset(60, 0).release().perform()
    visit.until(lambda: "No readings in this span" in visit.text("#note"))
    visit.shoot("empty-span")
    assert visit.complaints() == []


def test_a_dark_page(visit: Visit) -> None:
    dark = {"features": [{"name": "prefers-color-scheme", "value": "dark"}]}
    visit.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", dark)
    visit.first_login()
    add_grant(visit.fleet.archive, "ada", sensor_id=7)
    now_s = int(time.time())
    visit.send(*frames_of(visit.fleet, 7, now_s - 200, now_s))
    visit.browser.get(visit.url + "sensors/7")
    visit.until(lambda: len(visit.line()) >= 200)
    visit.shoot("dark")
    assert visit.browser.execute_script("return document.documentElement.dataset.bsTheme") == "dark"
    assert visit.complaints() == []
    policy = json.dumps(visit.browser.get_log("browser"))
    assert "Content Security Policy" not in policy


def test_the_night_when_clocks_go_back_has_two_hours_from_two_to_three(visit: Visit) -> None:
    fleet, browser = visit.fleet, visit.browser
    midnight_s = 1_792_879_200  # 2026-10-25 00:00 in Berlin
    frames = [
        fleet.frame(7, [Reading(midnight_s + 60 * n, {POWER_IMPORT: 100 + n})]) for n in range(300)
    ]  # until 04:00
    visit.first_login()
    add_grant(fleet.archive, "ada", sensor_id=7)
    visit.send(*frames)
    browser.get(visit.url + "sensors/7")
    visit.until(lambda: len(visit.line()) == 300)
    assert visit.line() == [100 + n for n in range(300)]
    visit.until(lambda: {"02:00 +02:00", "02:00 +01:00"} <= set(visit.curve("ticks")))
    times = visit.times()
    assert times == sorted(times)
    assert len(set(times)) == 300
    visit.shoot("night")
    # The second of the two hours alone: dragged over from the third hour's begin to its end.
    plot = browser.find_element(By.CSS_SELECTOR, "#chart .u-over")
    begin, end = (
        browser.execute_script("return document.getElementById('chart').curve.plot.valToPos(arguments[0], 'x')", at_s)
        for at_s in (midnight_s + 3 * 3600, midnight_s + 4 * 3600)
    )
    middle = plot.size["width"] / 2
    drag = ActionChains(browser).move_to_element_with_offset(plot, round(begin - middle), 0).click_and_hold()
    drag.move_by_offset(round(end - begin), 0).release().perform()
    visit.until(lambda: 55 <= len(visit.line()) <= 65)
    from_s, to_s = visit.curve("span")
    assert abs(from_s - midnight_s - 3 * 3600) < 60
    assert abs(to_s - midnight_s - 4 * 3600) < 60
    ActionChains(browser).move_to_element_with_offset(plot, 0, 0).perform()
    visit.until(lambda: "2026-10-25 02:30:00 +01:00" in visit.text("#chart .readout"))
    for file in ("csv", "green"):
        link = browser.find_element(By.ID, file).get_attribute("href")
        assert f"from={math.floor(from_s)}&to={math.ceil(to_s)}" in link
    visit.shoot("second-hour")


def test_what_is_on_a_relay_still_is_shaded_and_filled_as_it_comes(visit: Visit) -> None:
    fleet, browser = visit.fleet, visit.browser
    visit.first_login()
    add_grant(fleet.archive, "ada", region="north")
    now_s = int(time.time())
    early = frames_of(fleet, 7, now_s - 240, now_s - 150)
    held_back = frames_of(fleet, 7, now_s - 150, now_s - 90)
    visit.send(*early, *frames_of(fleet, 7, now_s - 90, now_s))
    holdings.take_piece(fleet.archive, Piece(2, 1, 0, 1, [(7, 1, 90, 60, now_s - 150, 1)]))
    beat(fleet, 2)
    browser.get(f"{visit.url}sensors/7")
    visit.until(lambda: "Shaded: on a relay still" in visit.text("#note"))
    assert [one["kind"] for one in visit.curve("spans")].count("hole") == 1
    visit.shoot("hole")
    # The relay hears of it with its heartbeat, and brings it.
    assert visit.until(lambda: beat(fleet, 2).json["pulls"])
    visit.send(*held_back, relay_id=2)
    visit.until(lambda: len([y for y in visit.line() if y is not None]) >= 240)
    visit.until(lambda: "Shaded" not in visit.text("#note"))
    assert visit.complaints() == []
