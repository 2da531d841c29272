"""A sensor's page is told of readings as they are made: over a restart of the remote too, and without that it asks for them."""

import threading
import time

import pytest
from gridecho.quantities import POWER_IMPORT
from gridecho.readings import Reading
from gridecho_remote.live import hub
from gridecho_remote.server import Server
from gridecho_remote.store.grants import add_grant
from gridecho_remote.use.site import site_of
from selenium.webdriver.common.by import By

from tests.rigs.visit import Visit
from tests.rigs.waiting import HANG_S

SHOWN = "return [...performance.getEntriesByType('resource')].filter((e) => e.name.includes('stored_since')).length"


def send(visit: Visit, count: int) -> None:
    """Readings of seconds that are over, as nothing is made in the time to come; not through the server, which may be gone."""
    fleet = visit.fleet
    fleet.clock.now_s = time.time()
    for _ in range(count):
        seq = fleet._next_seq.get((7, 1), 0)
        at_s = int(time.time()) - 200 + seq
        fleet.send(fleet.frame(7, [Reading(at_s, {POWER_IMPORT: 500 + seq})]))


def opened(visit: Visit) -> None:
    visit.first_login()
    add_grant(visit.fleet.archive, "ada", sensor_id=7)
    send(visit, 5)
    visit.browser.get(visit.url + "sensors/7")
    visit.until(lambda: len(visit.line()) == 5)


def is_told(visit: Visit) -> bool:
    return "live" in visit.browser.find_element(By.ID, "told").get_attribute("class")


def test_a_page_is_told_and_does_not_ask(visit: Visit, server: Server) -> None:
    opened(visit)
    visit.until(lambda: is_told(visit) and server._live.count == 1)
    for n in range(3):
        send(visit, 2)
        visit.until(lambda n=n: len(visit.line()) == 7 + 2 * n)
    assert visit.browser.execute_script(SHOWN) == 0
    visit.shoot("live")
    visit.click("#live")
    visit.until(lambda: not is_told(visit) and server._live.count == 0)
    send(visit, 1)
    visit.click("#live")
    visit.until(lambda: is_told(visit) and len(visit.line()) == 12)
    # Who looks at another page looks no more.
    visit.browser.get(visit.url)
    visit.until(lambda: server._live.count == 0)
    assert visit.complaints() == []


def test_a_remote_that_starts_anew_leaves_no_gap(visit: Visit, server: Server) -> None:
    opened(visit)
    visit.until(lambda: is_told(visit))
    server.stop()
    visit.until(lambda: not is_told(visit))
    send(visit, 4)
    listen = visit.url.removeprefix("http://").rstrip("/")
    other = Server(site_of(visit.fleet.settings.model_copy(update={"listen": listen}), visit.fleet.archive))
    thread = threading.Thread(target=other.run)
    thread.start()
    try:
        visit.until(lambda: is_told(visit) and other._live.count == 1)
        visit.until(lambda: len(visit.line()) == 9)
        send(visit, 1)
        visit.until(lambda: len(visit.line()) == 10)
        assert None not in visit.line()
    finally:
        other.stop()
        thread.join(HANG_S)


def test_where_it_is_not_told_it_asks(visit: Visit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "MOST_OF_A_USER", 0)
    opened(visit)
    send(visit, 2)
    visit.until(lambda: len(visit.line()) == 7)
    assert not is_told(visit)
    assert visit.browser.execute_script(SHOWN) > 0
