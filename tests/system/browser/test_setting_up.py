"""From the link that a new remote prints to its first reading, by pages alone."""

import json
import secrets
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import pytest
from gridecho.quantities import POWER_IMPORT
from gridecho_remote import create_archive
from gridecho_remote.rules.actor import OPERATOR
from gridecho_remote.use import enrolment, first
from gridecho_remote.use.enrolment import Question
from gridecho_remote.use.enrolment_files import Entry, key_check, public_key, seal
from selenium.webdriver.common.by import By

from tests.rigs.fleet import KEK, PASSWORD, Fleet
from tests.rigs.visit import Visit


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[Fleet]:
    """Nothing and nobody is in it."""
    empty = tmp_path / "remote.sqlite"
    create_archive(empty, KEK).close()
    fleet = Fleet(tmp_path, now_s=time.time(), database=str(empty), listen="127.0.0.1:0")
    yield fleet
    fleet.close()


def test_from_the_link_to_the_first_reading(visit: Visit) -> None:
    fleet, browser = visit.fleet, visit.browser
    browser.get(f"{visit.url}first#{first.offer(fleet.site, OPERATOR)}")
    visit.until(lambda: browser.find_element(By.NAME, "code").get_attribute("value"))
    visit.shoot("first")
    visit.fill(name="ada", password=PASSWORD, again=PASSWORD)
    visit.until(lambda: visit.text("h1") == "Set up")
    visit.shoot("setup-empty")
    assert browser.find_element(By.NAME, "zone").get_attribute("value") == browser.execute_script(
        "return Intl.DateTimeFormat().resolvedOptions().timeZone"
    )
    zone = browser.find_element(By.NAME, "zone")
    zone.clear()
    zone.send_keys("Asia/Shanghai")
    browser.find_element(By.CSS_SELECTOR, "#site [name=name]").send_keys("Mill Lane")
    visit.click("#site [name=keep]")
    visit.until(lambda: visit.text(".brand") == "Mill Lane")
    fleet.site.renew()  # the server has a site of its own
    assert fleet.site.days.name == "Asia/Shanghai"

    browser.find_element(By.CSS_SELECTOR, "#relay [name=name]").send_keys("school roof")
    visit.click("#relay [name=make]")
    visit.until(lambda: visit.text("#code"))
    visit.shoot("setup-code")
    command = browser.find_element(By.ID, "relay-init").get_attribute("value")
    code = command.split("--code ")[1].split()[0]
    enrolled = enrolment.use_code(fleet.site, Question(code=code, nonce="0" * 32))
    assert enrolled is not None
    fleet.relays[enrolled.relay_id] = enrolled.secret
    visit.until(lambda: browser.find_elements(By.CSS_SELECTOR, "#relay .step.done"))

    root = secrets.token_bytes(32)
    entry = seal(Entry(7, "House 7", "home", "residential", 1, key_check(root)), root, public_key(fleet.archive))
    text = browser.find_element(By.NAME, "text")
    text.send_keys(json.dumps({"format": "gridecho enrolment 1", "sensors": [asdict(entry)]}))
    visit.click("#sensors [name=take]")
    visit.until(lambda: "1 sensor is taken in." in visit.text("main"))
    fleet.roots[7] = root
    visit.send(fleet.frame(7, {POWER_IMPORT: 5}), relay_id=enrolled.relay_id)
    visit.until(lambda: "Readings come in." in visit.text("#reading"))
    visit.shoot("setup-done")
    assert visit.complaints() == []
