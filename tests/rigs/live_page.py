"""A board's page, open in a browser at a remote that is a process of its own."""

from collections.abc import Callable
from typing import Any

from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from tests.rigs.fleet import PASSWORD
from tests.rigs.live_board import PERSON, SENSOR, Watched
from tests.rigs.waiting import HANG_S

# The times of the curve's readings, and how often it is broken: what it draws has null there (static/sensor/curve.js).
_TIMES = """
  const { curve } = document.getElementById('chart');
  return curve ? curve.data[0].filter((_, n) => curve.data[1][n] !== null) : [];
"""
_BREAKS = "return document.getElementById('chart').curve.data[1].filter((y) => y === null).length"


class Page:
    """Somebody signs in and opens the sensor's page."""

    def __init__(self, browser: Chrome, there: Watched) -> None:
        self._browser = browser
        url = there.remote.url
        browser.get(url)
        for name, text in (("name", PERSON), ("password", PASSWORD)):
            browser.find_element(By.NAME, name).send_keys(text)
        browser.find_element(By.NAME, "submit").click()
        self.until(lambda: "/login" not in browser.current_url)
        self.open_at = f"{url}/sensors/{SENSOR}"
        browser.get(self.open_at)

    def until(self, condition: Callable[[], Any]) -> None:
        WebDriverWait(self._browser, HANG_S, poll_frequency=0.02).until(lambda _: condition())

    def is_told(self) -> bool:
        """Whether the page is told of readings as they come."""
        # In one step: the page loads itself anew when its login or its stream ended.
        return "live" in (self._browser.execute_script("return document.getElementById('told')?.className") or "")

    def times(self) -> list[int]:
        """When the readings were made that its curve shows, Unix seconds."""
        return list(map(int, self._browser.execute_script(_TIMES)))

    def newest_s(self) -> int:
        """When the newest of them was made; 0: none."""
        return max(self.times(), default=0)

    def breaks(self) -> int:
        """How often its curve is broken."""
        return int(self._browser.execute_script(_BREAKS))
