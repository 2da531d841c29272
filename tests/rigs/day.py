"""A person's day at the pages, by mouse or by keyboard alone. Each page that they come to is looked at by axe-core as well."""

import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest
from selenium.webdriver import ActionChains, Keys
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import Select

from tests.rigs.visit import Visit

_AXE = Path(sys.prefix) / "npm/node_modules/axe-core/axe.min.js"  # tools/setup/npm.sh
_SIZES = {"desk": (1280, 900), "phone": (390, 844)}
_MOST_TABS = 250
_GRAVE = ("serious", "critical")
_FAULTS = """
  const done = arguments[arguments.length - 1];
  axe.run(document, { resultTypes: ['violations'] }).then((found) => done(found.violations
    .filter((one) => arguments[0].includes(one.impact))
    .map((one) => one.id + ': ' + one.help + '\\n' + one.nodes.slice(0, 4).map((node) => node.html.slice(0, 200) + '\\n  '
      + node.failureSummary.split('\\n')[1]).join('\\n'))));
"""

_SHOWS_FOCUS = """
  const style = getComputedStyle(arguments[0]);
  return style.outlineStyle !== 'none' || style.boxShadow !== 'none' || style.textDecorationLine !== 'none';
"""

needs_axe = pytest.mark.skipif(
    not _AXE.exists(), reason="no axe-core here: it needs npm, and `make test` or `make long` installs it"
)


@cache
def _axe() -> str:
    return _AXE.read_text(encoding="utf-8")


@dataclass(frozen=True)
class How:
    """How somebody works."""

    size: str = "desk"
    language: str = "en"
    keyboard: bool = False
    dark: bool = False

    def __str__(self) -> str:
        hand = "keyboard" if self.keyboard else "mouse"
        return "-".join([hand, self.size, self.language, *(["dark"] if self.dark else [])])


class Day:
    """What somebody does, in order. `at` names each page that they come to, and looks for what is wrong with it."""

    def __init__(self, visit: Visit, how: How, who: str, folder: Path) -> None:
        self.visit, self.how, self.who, self.browser, self._folder = visit, how, who, visit.browser, folder
        self.hosts: set[str] = set()
        self.faults: list[str] = []
        width, height = _SIZES[how.size]
        self._cdp(
            "Emulation.setDeviceMetricsOverride",
            {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": how.size == "phone"},
        )
        # A window of which Chromium takes it that nobody works in it shows no focus.
        self._cdp("Emulation.setFocusEmulationEnabled", {"enabled": True})
        # Without motion: what is clicked or judged is where and what it will be.
        media = {"prefers-color-scheme": "dark" if how.dark else "light", "prefers-reduced-motion": "reduce"}
        features = [{"name": name, "value": value} for name, value in media.items()]
        self._cdp("Emulation.setEmulatedMedia", {"features": features})

    def _cdp(self, command: str, values: dict[str, object]) -> None:
        self.browser.execute_cdp_cmd(command, values)

    def begin(self, password: str) -> None:
        """Opens the remote, chooses the language in its header, and logs in."""
        self.browser.get(self.visit.url)
        self.visit.until(lambda: self.browser.find_elements(By.NAME, "password"))
        if self.how.language != "en":
            self.press("#language button")
            self.visit.until(lambda: self.browser.find_element(By.TAG_NAME, "html").get_attribute("lang") == "zh-Hans")
        self.at("login", "[name=password]")
        self.type("[name=name]", self.who)
        self.type("[name=password]", password)
        self.press("[name=submit]")
        self.at("overview", "#overview")

    def at(self, name: str, css: str) -> None:
        """Waits until a page is there, by something on it; then it is looked at."""
        self.visit.until(lambda: self.browser.find_elements(By.CSS_SELECTOR, css))
        self.browser.execute_script("return document.fonts.ready")
        self.browser.execute_script(_axe())
        faults = self.browser.execute_async_script(_FAULTS, list(_GRAVE))
        self.browser.save_screenshot(str(self._folder / f"day-{self.who}-{name}-{self.how}.png"))
        self.faults += [f"{name}: {one}" for one in faults]
        assert self.browser.execute_script("return document.documentElement.scrollWidth <= innerWidth"), (
            name,
            self.how,
        )
        self.hosts |= set(
            self.browser.execute_script(
                "return [...performance.getEntriesByType('resource'), ...performance.getEntriesByType('navigation')]"
                ".map((one) => new URL(one.name).origin)"
            )
        )

    def press(self, css: str) -> None:
        """A button, a link or a switch: the first that can be seen."""
        if self.how.keyboard:
            element = self._tab_to(css)
            kind = element.get_attribute("type")
            element.send_keys(Keys.SPACE if kind in ("checkbox", "radio") else Keys.ENTER)
        else:
            self._seen(css).click()

    def type(self, css: str, text: str) -> None:
        """Writes into a field, in place of what is in it."""
        if self.how.keyboard:
            element = self._tab_to(css)
            ActionChains(self.browser).key_down(Keys.CONTROL).send_keys("a").key_up(Keys.CONTROL).send_keys(
                text
            ).perform()
        else:
            element = self._seen(css)
            element.clear()
            element.send_keys(text)

    def choose(self, css: str, value: str) -> None:
        """An entry of a list."""
        if not self.how.keyboard:
            Select(self._seen(css)).select_by_value(value)
            return
        element = self._tab_to(css)
        element.send_keys(Keys.HOME)
        for _ in element.find_elements(By.TAG_NAME, "option"):
            if element.get_property("value") == value:
                return
            element.send_keys(Keys.ARROW_DOWN)
        raise AssertionError(f"{css} has no entry {value}")

    def keys(self, *keys: str) -> None:
        """Pressed where the focus is."""
        ActionChains(self.browser).send_keys(*keys).perform()

    def end(self) -> None:
        """They log out; nothing was asked of any other host, and nothing was complained of."""
        self.press("form[action='/logout'] button")
        self.at("logged-out", "[name=password]")
        assert self.hosts == {self.visit.url.rstrip("/")}
        assert self.visit.complaints() == []
        assert not self.faults, "\n\n".join(self.faults)

    def _seen(self, css: str):  # type: ignore[no-untyped-def]
        def first():  # type: ignore[no-untyped-def]
            return next((one for one in self.browser.find_elements(By.CSS_SELECTOR, css) if one.is_displayed()), None)

        element = self.visit.until(first)
        self.browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", element)
        return element

    def _tab_to(self, css: str):  # type: ignore[no-untyped-def]
        """Presses the tabulator until the focus is there, where it can be seen."""
        self._seen(css)
        for _ in range(_MOST_TABS):
            element = self.browser.switch_to.active_element
            if self.browser.execute_script("return arguments[0].matches(arguments[1])", element, css):
                self.visit.until(lambda element=element: self.browser.execute_script(_SHOWS_FOCUS, element))
                return element
            self.keys(Keys.TAB)
        raise AssertionError(f"the tabulator does not come to {css}")
