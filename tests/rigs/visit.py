"""A browser at a remote, by what a person does."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import urllib3
from gridecho import relay_keys
from gridecho_remote.server import Server
from gridecho_remote.store.users import add_user
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from tests.rigs.fleet import PASSWORD, Fleet
from tests.rigs.waiting import HANG_S

# What is drawn of the span that is shown, as the page tells it (static/sensor/curve.js): a column of its data.
_COLUMN = """
  const { curve } = document.getElementById('chart');
  if (!curve) return [];
  const [from, to] = curve.span;
  return curve.data[arguments[0]].filter((_, i) => curve.data[0][i] >= from - 1 && curve.data[0][i] <= to + 60);
"""
_TIMES, _VALUES, _LEAST, _GREATEST = range(4)

# Whether all that is drawn has the page's width: looked at when the browser has laid out and painted once more.
_SETTLED = """
  const done = arguments[0];
  requestAnimationFrame(() => requestAnimationFrame(() => done(
    [...document.querySelectorAll('#chart .uplot, #charts svg')].every((plot) =>
      Math.abs(plot.getBoundingClientRect().width - (plot.closest('#chart') ?? plot.parentElement).clientWidth) < 20))))
"""


class Visit:
    """One person's visit; `shoot` keeps pictures of what they see, on a desk and on a phone."""

    def __init__(self, browser: Chrome, fleet: Fleet, server: Server, screenshots: Path) -> None:
        self.browser, self.fleet, self.url, self._folder = browser, fleet, server.url, screenshots

    def until(self, condition: Callable[[], Any]) -> Any:
        return WebDriverWait(self.browser, HANG_S, poll_frequency=0.05).until(lambda _: condition())

    def fill(self, **fields: str) -> None:
        for name, text in fields.items():
            self.browser.find_element(By.NAME, name).send_keys(text)
        self.browser.find_element(By.NAME, "submit").click()

    def first_login(self) -> None:
        once = add_user(self.fleet.archive, "ada")
        self.browser.get(self.url)
        self.shoot("login")
        self.fill(name="ada", password=once)
        self.until(lambda: "/password" in self.browser.current_url)
        self.shoot("password")
        self.fill(password=PASSWORD, again=PASSWORD)
        self.until(lambda: self.text("h1") == "Overview")

    def text(self, css: str) -> str:
        # In one step: between finding an element and reading it the page may change.
        return self.browser.execute_script("return document.querySelector(arguments[0])?.innerText ?? ''", css)

    def texts(self, css: str) -> list[str]:
        return self.browser.execute_script(
            "return [...document.querySelectorAll(arguments[0])].map((e) => e.innerText)", css
        )

    def click(self, css: str) -> None:
        self.browser.execute_script("document.querySelector(arguments[0]).click()", css)

    def line(self) -> list[int | None]:
        """The values of the curve's line, in the unit that they were sent in; None where it is broken."""
        return self.browser.execute_script(_COLUMN, _VALUES)

    def times(self) -> list[float]:
        """When they were made; where the line is broken, a time in between."""
        return self.browser.execute_script(_COLUMN, _TIMES)

    def band(self) -> list[tuple[int, int]]:
        """The least and the greatest around each reading of a line that is thinned."""
        columns = [self.browser.execute_script(_COLUMN, one) for one in (_LEAST, _GREATEST)]
        return [(least, most) for least, most in zip(*columns, strict=True) if least is not None]

    def curve(self, what: str) -> Any:
        """Another property of what is drawn: span, spans, ticks, unit."""
        return self.browser.execute_script("return document.getElementById('chart').curve[arguments[0]]", what)

    def send(self, *frames: bytes, relay_id: int = 1) -> None:
        """Through the endpoint and port that relays use."""
        body = self.fleet.batch(relay_id, list(frames))
        token = relay_keys.relay_token(self.fleet.relays[relay_id], relay_id).hex()
        url, headers = f"{self.url}relay/v1/batch?relay={relay_id}", {"Authorization": f"Bearer {token}"}
        assert urllib3.request("POST", url, body=body, headers=headers, timeout=HANG_S).status == 200

    def shoot(self, name: str) -> None:
        for size, (width, height) in {"desk": (1280, 900), "phone": (390, 844)}.items():
            self.browser.execute_cdp_cmd(
                "Emulation.setDeviceMetricsOverride",
                {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": size == "phone"},
            )
            self.until(lambda: self.browser.execute_async_script(_SETTLED))
            assert self.browser.execute_script("return document.documentElement.scrollWidth <= innerWidth"), (
                name,
                size,
            )
            self.browser.save_screenshot(str(self._folder / f"{name}-{size}.png"))
        self.browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
        self.until(lambda: self.browser.execute_async_script(_SETTLED))

    def complaints(self) -> list[str]:
        """What the console says since the last call: errors and warnings.

        Chromium's hints about forms (level DEBUG) are left out: on a loaded machine it judges a form of which it has read half.
        """
        return [entry["message"] for entry in self.browser.get_log("browser") if entry["level"] != "DEBUG"]
