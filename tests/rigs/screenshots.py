"""The manual's pictures, of the demo: `python -m tests.rigs.screenshots [NAME...]` puts them into docs/pictures/.

`make screenshots` takes all of them. A page that is new gets a line in PICTURES; a person whom the demo shows is known by the name
under which it prints a one-time password.
"""

import io
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gridecho_bench.chromium import chromium
from PIL import Image
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from tests.rigs.fleet import PASSWORD
from tests.rigs.places import REPOSITORY
from tests.rigs.waiting import HANG_S, wait_for

FOLDER = REPOSITORY / "docs/pictures"
MOST_BYTES = 3_000_000  # of all of them
DESK, PHONE = 1100, 390
_HEIGHTS = {DESK: 760, PHONE: 760}
_BEHIND_S = 45  # the demo has a curve to show then

# What is still to come on a page: charts that are not drawn, and what is waited for visibly.
_DRAWN = """
  const busy = document.getElementById('busy');
  const chart = document.getElementById('chart');
  return document.readyState === 'complete' && (!busy || busy.hidden) && (!chart || !!chart.querySelector('.uplot'));
"""


@dataclass(frozen=True)
class Picture:
    """One picture: its file's name, the page, who looks ("": nobody is logged in), the language, the width in pixels.

    `part`: what of the page is to be in the middle; empty: its top is shown.
    """

    name: str
    path: str
    who: str = "visitor"
    language: str = "en"
    width: int = DESK
    part: str = ""


def _both(name: str, path: str, who: str = "visitor", width: int = DESK, part: str = "") -> list[Picture]:
    return [Picture(name if one == "en" else f"{name}.{one}", path, who, one, width, part) for one in ("en", "zh")]


PICTURES = [
    *_both("login", "/login", who=""),
    *_both("overview", "/"),
    *_both("sensors", "/sensors"),
    *_both("sensor", "/sensors/1"),
    *_both("sensor-heat", "/sensors/30", part="[data-part=heat]"),
    *_both("sensor-phone", "/sensors/1", width=PHONE),
    *_both("compare", "/compare?sensors=1,30&regions=demo/harbour"),
    *_both("access", "/requests"),
    *_both("inbox", "/requests/inbox"),
    *_both("grants", "/grants"),
    *_both("grant", "/grants/new"),
    *_both("account", "/account"),
    *_both("programs", "/account/programs"),
    *_both("audit", "/audit"),
    *_both("looks", "/looks", who="household"),
    *_both("overview-analyst", "/", who="analyst"),
    *_both("setup", "/setup"),
    *_both("relays", "/relays"),
    *_both("routes", "/fleet/routes"),
    Picture("group", "/groups/1"),
    Picture("people", "/people"),
    Picture("reference", "/api/v1/docs"),
]


class NotShownError(Exception):
    """Who was to look sees no such page."""


class Demo:
    """`gridecho demo`, which runs; `people`: one-time passwords by name."""

    def __init__(self, log: Path) -> None:
        with log.open("wb") as said:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "gridecho_cli", "demo"], stdout=said, stderr=said, start_new_session=True
            )
        try:
            self.url = wait_for(
                lambda: self._said(log, r"page (http://\S+?)/?\s"), "the demo's page", hang_s=4 * HANG_S
            )[0]
            time.sleep(1)
            pattern = r"(?:user|also)\s+(\S+)\s+(?:one-time )?password\s+(\S+)"
            self.people = dict(re.findall(pattern, log.read_text()))
        except BaseException:
            self.stop()
            raise

    def _said(self, log: Path, pattern: str) -> re.Match[str] | None:
        assert self._process.poll() is None, log.read_text()
        found = re.search(pattern, log.read_text())
        return found and re.match(r".*", found[1])

    def stop(self) -> None:
        self._process.send_signal(signal.SIGINT)
        self._process.wait(HANG_S)


class Camera:
    """Somebody's browser, which takes pictures."""

    def __init__(self, browser: Chrome, url: str) -> None:
        self._browser, self._url = browser, url

    def _until(self, condition: Callable[[], Any], what: str) -> None:
        WebDriverWait(self._browser, HANG_S, poll_frequency=0.1).until(lambda _: condition(), what)

    def log_in(self, name: str, once: str) -> None:
        browser = self._browser
        browser.get(f"{self._url}/login")
        for fields in ({"name": name, "password": once}, {"password": PASSWORD, "again": PASSWORD}):
            for field, text in fields.items():
                browser.find_element(By.NAME, field).send_keys(text)
            here = browser.current_url
            browser.find_element(By.NAME, "submit").click()
            self._until(lambda here=here: browser.current_url != here, f"{name} is in")

    def take(self, picture: Picture) -> bytes:
        """The picture as WebP."""
        browser, height = self._browser, _HEIGHTS[picture.width]
        browser.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": picture.width, "height": height, "deviceScaleFactor": 1, "mobile": picture.width == PHONE},
        )
        browser.execute_cdp_cmd(
            "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": "light"}]}
        )
        browser.get(self._url + picture.path)
        if browser.execute_script("return document.documentElement.lang").startswith("zh") != (
            picture.language == "zh"
        ):
            browser.execute_script("document.querySelector('#language [name=language]')?.click()")
            time.sleep(0.5)
            browser.get(self._url + picture.path)
        status = browser.execute_script("return performance.getEntriesByType('navigation')[0].responseStatus")
        if status != 200:
            raise NotShownError(f"{picture.who or 'nobody'} is answered {status} at {picture.path}")
        self._until(lambda: browser.execute_script(_DRAWN), f"{picture.name} is drawn")
        if picture.part:
            scroll = "document.querySelector(arguments[0]).scrollIntoView({block: 'center', behavior: 'instant'})"
            browser.execute_script(scroll, picture.part)
            busy = "return document.querySelector(arguments[0]).hasAttribute('aria-busy')"
            self._until(lambda: not browser.execute_script(busy, picture.part), f"{picture.part} is drawn")
            browser.execute_script(scroll, picture.part)
        time.sleep(1.5)  # what is laid out once more, and what comes by itself below a chart
        assert browser.execute_script("return document.documentElement.lang").startswith(picture.language)
        kept = io.BytesIO()
        with Image.open(io.BytesIO(browser.get_screenshot_as_png())) as image:
            image.convert("RGB").save(kept, "WEBP", quality=82, method=6)
        return kept.getvalue()


@contextmanager
def _cameras(demo: Demo, place: Path) -> Iterator[Callable[[str], Camera]]:
    there: dict[str, Camera] = {}
    with ExitStack() as stack:

        def camera(who: str) -> Camera:
            if who and who not in demo.people:
                raise NotShownError(f"the demo has nobody by the name of {who}")
            if who not in there:
                there[who] = Camera(stack.enter_context(chromium(place / f"browser-{who}", HANG_S)), demo.url)
                if who:
                    there[who].log_in(who, demo.people[who])
            return there[who]

        yield camera


def main() -> None:
    wanted = [one for one in PICTURES if not sys.argv[1:] or one.name.split(".")[0] in sys.argv[1:]]
    FOLDER.mkdir(exist_ok=True)
    left = 0
    with tempfile.TemporaryDirectory() as temporary:
        place = Path(temporary)
        demo = Demo(place / "demo.log")
        try:
            with _cameras(demo, place) as camera:
                time.sleep(_BEHIND_S)
                for picture in wanted:
                    try:
                        content = camera(picture.who).take(picture)
                    except NotShownError as error:
                        print(f"{picture.name} is left out: {error}")
                        left += 1
                        continue
                    (FOLDER / f"{picture.name}.webp").write_bytes(content)
                    print(f"{picture.name}.webp  {len(content):,} bytes")
        finally:
            demo.stop()
    for path in FOLDER.glob("*.webp"):
        if path.stem not in {one.name for one in PICTURES}:
            path.unlink()
    total = sum(path.stat().st_size for path in FOLDER.glob("*.webp"))
    print(f"{total:,} bytes in all")
    if left:
        raise SystemExit(f"{left} pictures were not taken")
    if total > MOST_BYTES:
        raise SystemExit(f"that is more than {MOST_BYTES:,}: take smaller ones, or fewer")


if __name__ == "__main__":
    main()
