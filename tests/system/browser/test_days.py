"""Three people's days from login to result: on a desk and on a phone, in English and Chinese, by mouse and by keyboard alone."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from gridecho.quantities import ENERGY_IMPORT, POWER_IMPORT, ROUTE_RELAY, ROUTE_RTT
from gridecho.readings import Reading
from gridecho_remote.rules.actor import OPERATOR, person
from gridecho_remote.rules.roles import role
from gridecho_remote.rules.scopes import Resolution, Scope
from gridecho_remote.store import roles, users
from gridecho_remote.store.grants import add_grant
from gridecho_remote.use import groups, requests
from gridecho_remote.use.requests import Claim
from gridecho_remote.use.site import site_of
from selenium.webdriver import Keys

from tests.rigs.day import Day, How, needs_axe
from tests.rigs.fleet import PASSWORD
from tests.rigs.heartbeats import beat
from tests.rigs.visit import Visit

pytestmark = [needs_axe, pytest.mark.parametrize("how", [
    How(), How("phone"), How("desk", "zh"), How("phone", "zh"), How(keyboard=True), How(keyboard=True, dark=True),
], ids=str)]  # fmt: skip
QUARTER_S = 900


@pytest.fixture
def day(visit: Visit, how: How, screenshots: Path) -> Callable[[str], Day]:
    """The day of somebody who has a password."""
    now_s = int(time.time())
    for sensor_id in (7, 8):
        readings = [
            Reading(at, {ENERGY_IMPORT: 1_000_000 + (at - now_s) // 9, POWER_IMPORT: 300 + at // QUARTER_S % 24 * 20})
            for at in range(now_s - 40 * 86_400, now_s, QUARTER_S)
        ]
        visit.send(*(visit.fleet.frame(sensor_id, readings[at : at + 40]) for at in range(0, len(readings), 40)))
        visit.send(visit.fleet.frame(sensor_id, [Reading(now_s, {ROUTE_RELAY: 2, ROUTE_RTT: 1830})]), relay_id=2)

    def of(name: str) -> Day:
        once = users.add_user(visit.fleet.archive, name)
        assert once
        users.change_password(visit.fleet.archive, users.user_id(visit.fleet.archive, name), PASSWORD)
        return Day(visit, how, name, screenshots)

    return of


def test_the_technician_finds_a_late_relay_and_adds_one(visit: Visit, day: Callable[[str], Day], how: How) -> None:
    fleet = visit.fleet
    site = site_of(fleet.settings, fleet.archive)
    groups.add(site, OPERATOR, "west", 3600, None, 60)
    groups.join(site, OPERATOR, "west", [1, 2])
    beat(fleet, 1)
    one = day("tessa")
    roles.give(fleet.archive, users.user_id(fleet.archive, "tessa"), role("operator"))
    one.begin(PASSWORD)
    one.press("#relays-late")
    one.at("relays", "#relays table")
    one.press("a[href='/fleet/routes']")
    one.at("routes", "#routes table")
    one.type("[name=named]", "Mill")
    one.press("#filter button")
    one.at("routes-found", "#routes table")
    assert len(visit.texts("#routes tbody tr")) == 1
    for page, there in (("orders", "#orders"), ("firmware", "#firmware"), ("alarms", "#alarms")):
        one.press(f"a[href='/fleet/{page}']")
        one.at(page, there)
    one.press("header a[href='/groups']")
    one.at("groups", "main a[href='/groups/1']")
    one.press("main a[href='/groups/1']")
    one.at("group", "#charts")
    one.press("header a[href='/relays']")
    one.at("relays-again", "main a[href='/setup#relay']")
    one.press("main a[href='/setup#relay']")
    one.at("setup", "#relay [name=name]")
    one.type("#relay [name=name]", "school roof")
    one.press("#relay [name=make]")
    one.at("setup-code", "#code")
    assert "school roof" in visit.text("#code")
    one.end()


def test_the_administrator_grants_narrows_and_revokes(visit: Visit, day: Callable[[str], Day], how: How) -> None:
    fleet = visit.fleet
    site = site_of(fleet.settings, fleet.archive)
    one = day("adam")
    for kind in ("administrator", "auditor"):
        roles.give(fleet.archive, users.user_id(fleet.archive, "adam"), role(kind))
    fleet.person("grace")
    asks = person(users.user_id(fleet.archive, "grace"))
    wanted = Scope(region="north", resolution=Resolution.HOUR, live=False)
    number = requests.draft(
        site, asks, Claim("Grace Lee", "Statistics Office", "analyst", "S-1"), "tariffs", wanted, 30
    )
    requests.ask(site, asks, number)
    one.begin(PASSWORD)
    one.press("header a[href='/requests/inbox']")
    one.at("inbox", "#inbox")
    one.press("#inbox tbody a")
    one.at("request", "form[action$='/confirm']")
    one.type("form[action$='/confirm'] [name=text]", "by telephone")
    one.press("form[action$='/confirm'] button")
    one.at("request-verified", "form[action$='/grant']")
    one.choose("form[action$='/grant'] [name=resolution]", "DAY")
    one.press("form[action$='/grant'] [name=submit]")
    one.at("granted", "dl")
    one.press("header a[href='/grants']")
    one.at("grants", "#grants")
    one.press("#grants tbody a")
    one.at("grant", "[name=resolution]")
    one.choose("[name=resolution]", "MONTH")
    one.press("[name=submit]")
    one.at("grant-narrowed", "form[action$='/revoke']")
    one.press("form[action$='/revoke'] button")
    visit.until(lambda: not visit.browser.find_elements("css selector", "form[action$='/revoke']"))
    one.at("grant-revoked", "main dl")
    one.press("header a[href='/people']")
    one.at("people", "#people")
    one.press("#people tbody tr:last-child a")
    one.at("person", "main dl")
    one.press("header a[href='/audit']")
    one.at("audit", "#audit")
    one.type("[name=what]", "granting.")
    one.press("#filter button")
    one.at("audit-found", "#audit")
    said = visit.text("#audit")
    assert all(deed in said for deed in ("granting.narrow", "granting.revoke"))
    one.end()


def test_the_user_sees_a_curve_compares_asks_and_takes_a_token(
    visit: Visit, day: Callable[[str], Day], how: How
) -> None:
    one = day("ulla")
    add_grant(visit.fleet.archive, "ulla", region="north")
    one.begin(PASSWORD)
    one.press("header a[href='/sensors']")
    one.at("sensors", "a.sensor-row")
    one.press("a.sensor-row[href='/sensors/7']")
    visit.until(lambda: len(visit.line()) > 10)
    one.press("#spans [data-seconds='604800']")
    visit.until(lambda: len(visit.line()) > 400)
    if how.keyboard:
        one._tab_to("#chart")
        span = visit.curve("span")
        one.keys("+")
        visit.until(lambda: visit.curve("span")[1] - visit.curve("span")[0] < span[1] - span[0])
        one.keys(Keys.HOME)
    for part in ("heat", "energy", "routes", "call"):
        css = f"[data-part={part}]"
        visit.until(lambda css=css: visit.browser.find_elements("css selector", css))  # type: ignore[misc]
        visit.browser.execute_script("document.querySelector(arguments[0]).scrollIntoView({block: 'center'})", css)
        visit.until(
            lambda css=css: (
                not visit.browser.execute_script(  # type: ignore[misc]
                    f"return document.querySelector('{css}').hasAttribute('aria-busy')"
                )
            )
        )
        one.at(f"sensor-{part}", css)
    one.press("main a[href^='/compare']")
    visit.until(lambda: visit.browser.execute_script("return document.querySelectorAll('#sums .total').length") == 2)
    one.at("compare", "#chart .uplot")
    one.press("header a[href='/requests']")
    one.at("access", "[name=purpose]")
    fields = {
        "name": "Ulla Berg",
        "organisation": "Energy team",
        "role": "engineer",
        "evidence": "E-7",
        "region": "south",
    }
    for name, text in fields.items():
        one.type(f"main [name={name}]", text)
    one.type("[name=purpose]", "the new boiler")
    one.press("main [name=submit]")
    one.at("asked", "main dl")
    one.press("header a[href='/account']")
    one.at("account", "main a[href='/account/programs']")
    one.press("main a[href='/account/programs']")
    one.at("programs", "main [name=present]")
    one.type("main [name=name]", "notebook")
    one.type("main [name=present]", PASSWORD)
    one.press("main [name=submit]")
    one.at("token", "#token")
    one.end()
