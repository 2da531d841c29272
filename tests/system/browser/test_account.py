"""A person looks after their own account."""

import time

from gridecho_remote.rules.actor import OPERATOR
from gridecho_remote.rules.roles import role
from gridecho_remote.store import roles, sessions, users
from gridecho_remote.use import first
from gridecho_remote.use.site import site_of
from pyotp import TOTP
from selenium.webdriver.common.by import By

from tests.rigs.fleet import PASSWORD
from tests.rigs.visit import Visit

PHONE = "Mozilla/5.0 (Linux; Android 16) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/150.0.0.0 Mobile Safari/537.36"


def test_the_first_link_fills_the_form_and_stands_nowhere_else(visit: Visit) -> None:
    code = first.offer(site_of(visit.fleet.settings, visit.fleet.archive), OPERATOR)
    visit.browser.get(f"{visit.url}first#{code}")
    visit.until(lambda: visit.browser.current_url == f"{visit.url}first")
    assert visit.browser.find_element(By.NAME, "code").get_attribute("value") == code
    visit.shoot("first")
    visit.fill(name="ada", password=PASSWORD, again=PASSWORD)
    visit.until(lambda: visit.text("h1") == "Set up")
    visit.click("header a[href='/groups']")
    visit.until(lambda: visit.text("h1") == "Groups of relays")
    assert visit.complaints() == []


def test_a_login_that_one_does_not_know_is_ended(visit: Visit) -> None:
    archive = visit.fleet.archive
    visit.first_login()
    user_id = users.user_id(archive, "ada")
    users.set_email(archive, "ada", "ada@statistics.example")
    for one in (role("administrator", "north/city-a"), role("auditor")):
        roles.give(archive, user_id, one)
    token = sessions.begin(archive, user_id, int(time.time()) - 4_000, "2001:db8:85a3::8a2e:370:7334", PHONE)
    visit.click("header a[title='Your account']")
    visit.until(lambda: visit.text("h1") == "Your account")
    assert "administrator of north/city-a, auditor" in visit.text("#me")
    here, other = visit.texts("#logins tbody tr")
    assert "this one" in here
    assert "Chrome on Android" in other
    visit.shoot("account")
    visit.click("#logins tbody tr:nth-child(2) button")
    visit.until(lambda: len(visit.texts("#logins tbody tr")) == 1)
    assert sessions.find(archive, token) is None
    assert visit.complaints() == []


def test_a_second_factor_by_its_picture(visit: Visit) -> None:
    visit.first_login()
    visit.browser.get(f"{visit.url}account")
    visit.click("#second")
    visit.until(lambda: visit.text("h1") == "A code at each login")
    visit.shoot("second-setup")
    totp = TOTP(visit.text("#secret"))
    visit.fill(code=totp.now())
    visit.until(lambda: len(visit.texts("#codes li")) == 10)
    recovery = visit.texts("#codes li")[0]
    visit.shoot("second-codes")
    visit.browser.get(f"{visit.url}account/second")
    visit.shoot("second")
    visit.click("header form button")
    visit.until(lambda: visit.text("h1") == "Log in")
    visit.fill(name="ada", password=PASSWORD)
    visit.until(lambda: visit.text("h1") == "Your code")
    visit.shoot("code")
    visit.fill(code=recovery)
    visit.until(lambda: visit.text("h1") == "Overview")
    assert visit.complaints() == []
