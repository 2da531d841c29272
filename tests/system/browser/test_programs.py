"""A person makes a token for a program, and lets an application of somebody else's see a sensor of theirs."""

import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import urlencode

import pytest
import urllib3
from gridecho.quantities import POWER_IMPORT
from gridecho.readings import Reading
from gridecho_remote.rules.actor import OPERATOR
from gridecho_remote.store.grants import add_grant
from gridecho_remote.use import applications, places
from gridecho_remote.use.site import site_of
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import Select

from tests.rigs.fleet import PASSWORD
from tests.rigs.visit import Visit
from tests.rigs.waiting import HANG_S


class _Back(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<link rel='icon' href='data:,'><h1>Thank you</h1>")

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def back() -> Iterator[str]:
    """The address of an application's page."""
    server = HTTPServer(("127.0.0.1", 0), _Back)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/back"
    server.shutdown()
    thread.join(HANG_S)
    server.server_close()


def test_a_token_is_made_shown_once_and_ended(visit: Visit) -> None:
    visit.first_login()
    add_grant(visit.fleet.archive, "ada", category="residential")
    visit.send(visit.fleet.frame(7, [Reading(int(time.time()) - 60, {POWER_IMPORT: 5})]))
    visit.browser.get(f"{visit.url}account")
    visit.click("a[href='/account/programs']")
    visit.until(lambda: visit.text("h1") == "Access for programs")
    visit.shoot("programs-none")
    Select(visit.browser.find_element(By.NAME, "sensors")).select_by_value("7")
    visit.fill(name="Monthly report for the house", present=PASSWORD)
    visit.until(lambda: visit.text("h1") == "Your token")
    visit.shoot("program-made")
    token = visit.browser.find_element(By.ID, "token").get_attribute("value")
    assert token and token.startswith("gridecho_")
    assert visit.text("#copy") == "Copy", "a page of this machine's own may write to the clipboard"

    def status() -> int:
        headers = {"Authorization": f"Bearer {token}"}
        return urllib3.request("GET", f"{visit.url}api/v1/sensors/7", headers=headers, timeout=HANG_S).status

    assert status() == 200
    visit.click("main a.btn")
    visit.until(lambda: len(visit.texts("#tokens tbody tr")) == 1)
    assert "Monthly report" in visit.text("#tokens")
    visit.shoot("programs")
    visit.click("#tokens tbody button")
    visit.until(lambda: visit.texts("#tokens tbody tr") == [])
    assert status() == 401
    assert visit.complaints() == []


def test_an_application_is_allowed_and_ended(visit: Visit, back: str) -> None:
    visit.first_login()
    site, now_s = site_of(visit.fleet.settings, visit.fleet.archive), int(time.time())
    for sensor_id in (7, 9):
        places.begin_contract(site, OPERATOR, sensor_id, "ada", now_s - 86_400)
    visit.send(visit.fleet.frame(7, [Reading(now_s - 60, {POWER_IMPORT: 5})]))
    app = applications.add(site, OPERATOR, "Solar planner", [back], secret=False)
    asked = {
        "response_type": "code",
        "client_id": app.client_id,
        "redirect_uri": back,
        "state": "a state",
        "code_challenge": "c" * 43,
        "code_challenge_method": "S256",
    }
    page = f"{visit.url}oauth/authorize?{urlencode(asked)}"
    visit.browser.get(page)
    visit.until(lambda: "Solar planner asks" in visit.text("h1"))
    visit.shoot("authorize")
    visit.click("input[name=sensors][value='9']")
    Select(visit.browser.find_element(By.NAME, "resolution")).select_by_value("DAY")
    visit.click("input[name=allow]")
    # The browser itself holds the page to its policy of where its form may lead.
    visit.until(lambda: visit.text("h1") == "Thank you")
    assert "code=gridecho_" in visit.browser.current_url
    assert "state=a+state" in visit.browser.current_url.replace("%20", "+")
    visit.browser.get(page)
    visit.click("input[name=deny]")
    visit.until(lambda: "error=access_denied" in visit.browser.current_url)
    assert visit.complaints() == []
