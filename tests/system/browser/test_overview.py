"""A person in front of the overview and of the list of their sensors."""

import time

import pytest
from gridecho.orders import FIRMWARE
from gridecho.quantities import (
    CONFIG_VERSION,
    ENERGY_IMPORT,
    FIRMWARE_VERSION,
    ORDER_FAILED,
    POWER_IMPORT,
    ROUTE_RELAY,
    ROUTE_RTT,
)
from gridecho.readings import Reading
from gridecho_remote.store import orders
from gridecho_remote.store.enrol import enrol_sensor
from gridecho_remote.store.grants import add_grant
from gridecho_remote.use.tidying import tidy
from selenium.webdriver.common.by import By

from tests.rigs.fleet import give_role
from tests.rigs.heartbeats import beat
from tests.rigs.visit import Visit


def minutes(visit: Visit, sensor_id: int, count: int, ago: int = 0) -> None:
    now_s = int(time.time()) - 60 * ago
    readings = [
        Reading(
            now_s - 60 * n, {ENERGY_IMPORT: 100_000 - 5 * n, POWER_IMPORT: 250 + 40 * (n % 17) + 900 * (n % 60 < 9)}
        )
        for n in range(count, 0, -1)
    ]
    visit.send(*(visit.fleet.frame(sensor_id, readings[at : at + 50]) for at in range(0, count, 50)))


def night(visit: Visit, on: bool = True) -> None:
    scheme = [{"name": "prefers-color-scheme", "value": "dark"}] if on else []
    visit.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": scheme})


def shoot_all(visit: Visit, name: str) -> None:
    """By day and night, in English and Chinese."""
    visit.shoot(name)
    night(visit)
    visit.shoot(f"{name}-dark")
    night(visit, on=False)
    visit.click('#language [value="zh"]')
    visit.until(lambda: visit.browser.execute_script("return document.documentElement.lang") != "en")
    visit.shoot(f"{name}-zh")
    visit.click('#language [value="en"]')
    visit.until(lambda: visit.browser.execute_script("return document.documentElement.lang") == "en")


def test_a_household_sees_its_power_and_hears_of_more(visit: Visit) -> None:
    visit.first_login()
    assert "Nothing has been shared" in visit.text("#nothing")
    assert visit.browser.find_element(By.CSS_SELECTOR, "#nothing a").get_attribute("href").endswith("/requests")
    visit.shoot("overview-nothing")
    add_grant(visit.fleet.archive, "ada", sensor_id=7)
    minutes(visit, 7, 900)
    visit.until(lambda: "Mill Lane 12" in visit.text("#overview"))  # it renews itself
    assert "of 1 sensor" in visit.text("#power")
    assert visit.browser.execute_script("return document.querySelectorAll('.glance polyline').length") == 1
    shoot_all(visit, "overview-household")
    visit.send(visit.fleet.frame(7, [Reading(int(time.time()), {POWER_IMPORT: 4321})]))
    visit.until(lambda: "4.32 kW" in visit.text("#power"))
    visit.click("a.glance")
    visit.until(lambda: visit.browser.current_url.endswith("/sensors/7"))
    assert visit.complaints() == []


@pytest.fixture
def city(visit: Visit) -> Visit:
    """Whoever looks runs the fleet, and sees 130 sensors of which three have sent something."""
    visit.first_login()
    give_role(visit.fleet.archive, "ada")
    for n in range(127):
        enrol_sensor(visit.fleet.archive, 100 + n, f"House {n:03}", f"west/row-{n % 5}", "residential", bytes(32))
    for region in ("north", "south", "west"):
        add_grant(visit.fleet.archive, "ada", region=region)
    minutes(visit, 7, 60)
    minutes(visit, 8, 60, ago=100)
    minutes(visit, 9, 60, ago=3_000)
    tidy(visit.fleet.site)
    beat(visit.fleet, 1)
    return visit


def test_who_runs_a_fleet_goes_from_a_tile_to_what_it_counts(city: Visit) -> None:
    city.browser.get(city.url)
    assert [city.text(f"#{one} .tile-value") for one in ("reporting", "late", "silent")] == ["1", "1", "128"]
    shoot_all(city, "overview-fleet")
    city.click("#late")
    city.until(lambda: city.text("h1") == "My sensors")
    assert [row.split("\n")[0] for row in city.texts("a.sensor-row")] == ["Town hall"]
    assert city.complaints() == []


def test_a_list_is_searched_sorted_and_turned_over(city: Visit) -> None:
    city.browser.find_element(By.LINK_TEXT, "Sensors").click()
    city.until(lambda: city.text("h1") == "My sensors")
    assert len(city.texts("a.sensor-row")) == 50
    assert "130 sensors · page 1 of 3" in city.text("#sensors")
    shoot_all(city, "list")
    city.click("[rel=next]")
    city.until(lambda: "page 2 of 3" in city.text("#sensors"))
    city.click("a.sort[href*=power]")
    city.until(lambda: "page 1 of 3" in city.text("#sensors"))
    assert city.texts("a.sensor-row")[0].startswith("Mill Lane 12") or city.texts("a.sensor-row")[0].startswith(
        "Harbour 3"
    )
    city.browser.find_element(By.NAME, "named").send_keys("row-3\n")
    city.until(lambda: "25 sensors" in city.text("#sensors"))
    assert "sort=power" in city.browser.current_url
    city.shoot("list-found")
    assert city.complaints() == []


def test_who_runs_a_fleet_looks_after_it(city: Visit) -> None:
    fleet = city.fleet
    orders.put(fleet.archive, [7, 8, 9], FIRMWARE, bytes(180_000), time.time())
    now_s = int(time.time())
    for sensor_id in (7, 8, 9):
        told = {ROUTE_RELAY: 1 + sensor_id % 2, ROUTE_RTT: 900 + 300 * sensor_id}
        other = {ROUTE_RELAY: 2 - sensor_id % 2, ROUTE_RTT: 9_000 + 300 * sensor_id}
        city.send(
            fleet.frame(sensor_id, [Reading(now_s - 50, other)]), fleet.frame(sensor_id, [Reading(now_s - 5, told)])
        )
    city.send(
        fleet.frame(7, {CONFIG_VERSION: 0, FIRMWARE_VERSION: 1}), fleet.frame(8, {FIRMWARE_VERSION: 0, ORDER_FAILED: 1})
    )
    city.send(fleet.frame(8, {POWER_IMPORT: 1}, seq=1))
    city.browser.get(city.url)
    city.click("#clones")
    city.until(lambda: city.text("h1") == "Alarms")
    assert "gridecho flash rekey" in city.text("#alarms")
    shoot_all(city, "fleet-alarms")
    for label, part in (("Routes", "#routes"), ("Orders", "#orders"), ("Firmware", "#firmware"), ("Relays", "#relays")):
        city.browser.find_element(By.CSS_SELECTOR, "main nav").find_element(By.LINK_TEXT, label).click()
        city.until(lambda label=label: city.text("h1") == label)
        city.until(lambda part=part: city.texts(f"{part} tbody tr"))
        shoot_all(city, f"fleet-{label.lower()}")
    assert city.complaints() == []
