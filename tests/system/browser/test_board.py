"""A sensor's page in a browser while a board's meter is read every second: what it made shows, whatever is killed meanwhile."""

import time
from pathlib import Path

from selenium.webdriver import Chrome

from tests.rigs.live_board import SENSOR, watched
from tests.rigs.live_page import Page
from tests.rigs.vm import skip_without_vm


def test_what_a_board_makes_shows_as_it_is_made_and_no_death_leaves_a_gap(browser: Chrome, scratch: Path) -> None:
    skip_without_vm()
    with watched(scratch) as there:
        page = Page(browser, there)
        page.until(page.is_told)
        opened_s = int(time.time()) + 1

        def follows() -> None:
            for _ in range(3):
                now_s = time.time()
                page.until(lambda now_s=now_s: page.newest_s() > now_s)

        def is_whole() -> bool:
            """Whether the page shows all that is at the remote since it was opened, and nothing waits at the relay still."""
            answer = there.caller.readings(SENSOR, wait=0, **{"from": opened_s})
            made = {one["time"] for one in answer["readings"]}
            return not answer["holes"] and made <= set(page.times()) and not page.breaks()

        follows()
        page.until(is_whole)
        there.remote.kill()
        page.until(lambda: not page.is_told())
        there.gathers(stores=False)
        there.remote.start()
        page.until(page.is_told)
        follows()
        page.until(is_whole)
        there.relay.kill()
        there.relay.start()
        follows()
        page.until(is_whole)
