"""Who decides: a grant is looked at, given, narrowed and revoked; a role is given; the audit tells of it."""

from gridecho_remote.rules.actor import OPERATOR
from gridecho_remote.rules.roles import role
from gridecho_remote.rules.scopes import Resolution, Scope
from gridecho_remote.store import organisations, roles, users
from gridecho_remote.use import granting
from gridecho_remote.use.site import site_of
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import Select

from tests.rigs.visit import Visit


def test_from_a_grant_to_its_rows_in_the_audit(visit: Visit) -> None:
    archive, browser = visit.fleet.archive, visit.browser
    site = site_of(visit.fleet.settings, archive)
    visit.fleet.person("Grace Hopper")
    organisations.add(archive, "Statistics Office", 0)
    users.set_organisation(archive, "Grace Hopper", "Statistics Office")
    for region, fine in (("north/city-a", Resolution.DAY), ("south", Resolution.RAW)):
        granting.grant(site, OPERATOR, "Grace Hopper", Scope(region=region, resolution=fine, expires_s=1_893_456_000))
    visit.first_login()
    for one in (role("operator"), role("administrator"), role("auditor")):
        roles.give(archive, users.user_id(archive, "ada"), one)
    browser.get(f"{visit.url}grants")
    assert len(visit.texts("#grants tbody tr")) == 2
    visit.shoot("grants")
    visit.click("main a[href='/grants/new']")
    visit.until(lambda: visit.text("h1") == "Give a grant")
    for name, text in (("user", "grace hopper"), ("region", "north")):
        browser.find_element(By.NAME, name).send_keys(text)
    Select(browser.find_element(By.NAME, "resolution")).select_by_value("HOUR")
    visit.click("#submit")
    visit.until(lambda: "Grace Hopper would see" in visit.text("#would"))
    visit.shoot("grant-preview")
    visit.click("#give")
    visit.until(lambda: visit.text("h1").startswith("Grant 3"))
    assert "hourly" in visit.text("main dl")
    visit.shoot("grant")
    Select(browser.find_element(By.NAME, "resolution")).select_by_value("MONTH")
    visit.click("#submit")
    visit.until(lambda: "monthly" in visit.text("main dl"))
    visit.click("form[action='/grants/3/revoke'] button")
    visit.until(lambda: "revoked" in visit.text("h1"))
    visit.click("header a[href='/people']")
    visit.until(lambda: visit.text("h1") == "People")
    visit.shoot("people")
    visit.click("#people tbody tr:nth-child(2) a")
    visit.until(lambda: visit.text("h1") == "Grace Hopper")
    Select(browser.find_element(By.NAME, "kind")).select_by_visible_text("administrator")
    browser.find_element(By.NAME, "region").send_keys("north/city-a")
    visit.click("form[action='/people/give-role'] button")
    visit.until(lambda: "administrator of north/city-a" in visit.text("#roles"))
    visit.shoot("person")
    visit.click("header a[href='/audit']")
    visit.until(lambda: visit.text("h1") == "Audit")
    visit.shoot("audit")
    said = visit.text("#audit")
    for deed in ("granting.grant", "granting.narrow", "granting.revoke", "people.give_role", "sessions.begin"):
        assert deed in said
    visit.click("form[action='/audit/verify'] button")
    visit.until(lambda: "all as they were written" in visit.text("#verified"))
    visit.shoot("audit-verified")
    assert visit.complaints() == []
