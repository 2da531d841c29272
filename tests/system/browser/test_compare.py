"""Several sensors and regions in one chart: found by name, drawn together, summed up, and sent to somebody by the address."""

import time

import pytest
from gridecho.quantities import ENERGY_IMPORT, POWER_IMPORT
from gridecho.readings import Reading
from gridecho_remote.rules.scopes import Scope
from gridecho_remote.store.enrol import enrol_sensor
from gridecho_remote.store.grants import add_grant, put
from selenium.webdriver import Keys
from selenium.webdriver.common.by import By

from tests.rigs.visit import Visit

DAY_S = 86_400
LINES = "return document.getElementById('chart').lines[arguments[0]]"
HOMES = range(100, 108)


class Compared(Visit):
    """Two sensors with two days of minutes, and a region of eight others with ten days of hours, of which there are sums only."""

    def begin(self) -> None:
        self.first_login()
        now_s = int(time.time()) // 60 * 60
        add_grant(self.fleet.archive, "ada", region="north")
        put(self.fleet.archive, "ada", Scope(region="hill", k=5), now_s)
        for sensor_id in (7, 8):
            readings = [
                Reading(t, {ENERGY_IMPORT: 10**6 + n * sensor_id, POWER_IMPORT: 100 * sensor_id + n % 50})
                for n, t in enumerate(range(now_s - 2 * DAY_S, now_s, 60))
            ]
            self.send(*(self.fleet.frame(sensor_id, readings[at : at + 60]) for at in range(0, len(readings), 60)))
        for home in HOMES:
            self.fleet.roots[home] = bytes([home]) * 32
            enrol_sensor(self.fleet.archive, home, f"Home {home}", "hill", "residential", self.fleet.roots[home])
            days = [Reading(now_s - 10 * DAY_S + 3600 * n, {ENERGY_IMPORT: 1000 * n}) for n in range(240)]
            self.send(*(self.fleet.frame(home, days[at : at + 60]) for at in range(0, len(days), 60)))

    def lines(self, what: str = "lines"):
        return self.browser.execute_script(LINES, what)

    def find(self, text: str) -> list[str]:
        field = self.browser.find_element(By.ID, "find")
        field.clear()
        field.send_keys(text)
        self.until(lambda: self.texts(".found a"))
        return [" ".join(one.split()) for one in self.texts(".found a")]

    def loaded(self) -> None:
        self.until(
            lambda: self.browser.execute_script(
                "const c = document.getElementById('chart'); return !!c?.lines?.plot && !c.hasAttribute('aria-busy')"
            )
        )


@pytest.fixture
def compared(visit: Visit) -> Compared:
    found = Compared.__new__(Compared)
    found.__dict__ = visit.__dict__
    found.begin()
    return found


def test_two_sensors_and_a_region_and_the_same_by_the_address(compared: Compared) -> None:
    browser = compared.browser
    browser.get(compared.url + "sensors/7")
    compared.until(lambda: compared.line())
    browser.find_element(By.ID, "compare").click()
    compared.loaded()
    assert len(compared.lines()) == 1
    assert compared.find("town") == ["Town hall north/city-b"]
    compared.click(".found a")
    compared.until(lambda: "sensors=7%2C8" in browser.current_url)
    compared.loaded()
    seven, eight = ([v for v in one["values"] if v is not None] for one in compared.lines())
    assert 700 <= min(seven) <= max(seven) < 750
    assert 800 <= min(eight) <= max(eight) < 850
    told = [one["total"] for one in compared.lines()]
    assert all(told) and abs(told[1] / told[0] - 8 / 7) < 0.01, "of a power the energy of the same time is told"
    rows = compared.texts("#sums tbody tr")
    assert "Mill Lane 12" in rows[0] and "Town hall" in rows[1]
    compared.shoot("compare-power")

    # Hands, as in a sensor's chart.
    chart = browser.find_element(By.ID, "chart")
    before = compared.lines("span")
    chart.send_keys("+")
    compared.until(lambda: compared.lines("span")[1] - compared.lines("span")[0] < 0.6 * (before[1] - before[0]))
    zoomed = compared.lines("span")
    chart.send_keys(Keys.ARROW_LEFT)
    compared.until(lambda: compared.lines("span")[0] < zoomed[0])
    compared.until(lambda: f"from={int(compared.lines('span')[0])}" in browser.current_url)
    compared.loaded()
    span = compared.lines("span")

    # A region has sums only, by day.
    assert "region hill" in compared.find("hill")
    compared.click(".found a[href*='region=hill']")
    compared.until(lambda: "region=hill" in browser.current_url)
    compared.loaded()
    assert abs(compared.lines("span")[0] - span[0]) <= 1, "what is shown stays"
    assert "sums by day and month only" in compared.text("#note")
    compared.browser.execute_script(
        "const w = document.getElementById('what'); w.value = 'day 1-0:1.8.0'; w.dispatchEvent(new Event('change'))"
    )
    compared.until(lambda: compared.lines()[2]["total"])
    hill = compared.lines()[2]
    assert {value for value in hill["values"] if value is not None} >= {8 * 24_000}
    assert hill["total"] % (8 * 1000) == 0
    assert hill["mean"] == hill["total"] / len(HOMES)
    compared.click("#each")
    compared.until(lambda: {value for value in compared.lines()[2]["values"] if value is not None} >= {24_000})
    compared.until(lambda: "each=1" in browser.current_url)
    for theme in ("light", "dark"):
        features = {"features": [{"name": "prefers-color-scheme", "value": theme}]}
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", features)
        compared.shoot(f"compare-{theme}")

    # The address, opened anew, is the same chart.
    address, drawn = browser.current_url, compared.lines()
    browser.get("about:blank")
    browser.get(address)
    compared.loaded()
    assert [one["total"] for one in compared.lines()] == [one["total"] for one in drawn]
    assert browser.execute_script("return document.getElementById('what').value") == "day 1-0:1.8.0"
    # One is taken out.
    compared.click("#sums tbody tr:first-child a[data-carry]")
    compared.until(lambda: "sensors=8&" in browser.current_url)
    compared.loaded()
    assert len(compared.lines()) == 2
    browser.add_cookie({"name": "language", "value": "zh"})
    browser.get(address)
    compared.loaded()
    assert compared.text("h1") == "比较"
    compared.shoot("compare-zh")
    assert compared.complaints() == []


def test_an_empty_choice_and_what_is_not_found(compared: Compared) -> None:
    compared.browser.get(compared.url + "compare")
    compared.until(lambda: compared.text("h1") == "Compare")
    field = compared.browser.find_element(By.ID, "find")
    field.send_keys("harbour")
    compared.until(lambda: "Nothing of this name" in compared.text("#choose .told"))
    compared.shoot("compare-empty")
    assert compared.complaints() == []
