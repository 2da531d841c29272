"""How soon a person has a sensor's curve: a real remote with a year of minutes, and a real browser that knows nothing of it yet.

Each run opens the page with an empty cache, then zooms by the wheel over the whole year and drags it. Another commit's page has its
turn in the same run, in a browser of its own: of that one the first curve and the weight are looked at.
"""

import json
import os
import platform
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from .checkouts import checkout, environment
from .chromium import chromium
from .relay_child import Child, RelayBenchError
from .remote_data import METER_ID, YEAR_MINUTES
from .remote_layouts import NAME, PASSWORD
from .remote_making import make_data

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

Say = Callable[[str], None]
Figures = dict[str, Any]

_WAIT_S = 60.0
_PAN_S = 2.0
_ZOOMS = 5  # of each run
_NOTCH = -240  # of the wheel
_SHIFT = 8  # CDP's bit of that key

# Runs before the page's own scripts: notes the first frame in which the curve is there, by our mark or in plotly's picture.
_LOOK = """
  (() => {
    const there = () => performance.getEntriesByName("curve").length
      || document.querySelector("#chart .scatterlayer .js-line")?.getAttribute("d");
    const look = () => { if (there()) window.curveAt = performance.now(); else requestAnimationFrame(look); };
    requestAnimationFrame(look);
  })();
"""
_WEIGHT = """
  return [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")]
    .reduce((sum, one) => sum + one.transferSize, 0);
"""
_FRAMES = """
  window.frames_ = []; window.draws_ = 0;
  document.getElementById("chart").curve.plot.hooks.draw.push(() => { window.draws_ += 1; });
  const note = (at) => { window.frames_.push(at); requestAnimationFrame(note); };
  requestAnimationFrame(note);
"""


@dataclass(frozen=True, slots=True)
class Plan:
    """`minutes` of one meter are looked at so many times; `vs`: a commit of this repository, or nothing."""

    minutes: int = YEAR_MINUTES
    runs: int = 5
    vs: str = ""


@dataclass(slots=True)
class _Party:
    name: str
    url: str
    browser: "Chrome"
    first_curve_ms: list[float] = field(default_factory=list)
    page_kb: list[float] = field(default_factory=list)

    def open(self) -> None:
        """The page as somebody has it who was never there."""
        self.browser.execute_cdp_cmd("Network.clearBrowserCache", {})
        self.browser.get(f"{self.url}sensors/{METER_ID}")
        self.until("return window.curveAt")
        self.first_curve_ms.append(self.browser.execute_script("return window.curveAt"))
        time.sleep(0.5)  # what it loads behind the curve counts, too
        self.page_kb.append(self.browser.execute_script(_WEIGHT) / 1000)

    def until(self, condition: str) -> None:
        """Waits until a script gives something. Raises RelayBenchError."""
        end_s = time.monotonic() + _WAIT_S
        while not self.browser.execute_script(condition):
            if time.monotonic() > end_s:
                raise RelayBenchError(f"the page of {self.name} does not show what it should")
            time.sleep(0.01)

    def figures(self) -> Figures:
        """Medians."""
        return {
            "first_curve_ms": round(median(self.first_curve_ms), 1),
            "page_kb": round(median(self.page_kb), 1),
        }


def measure(plan: Plan, folder: Path, say: Say) -> Figures:
    """All figures, as --json prints them. Raises RelayBenchError."""
    zooms_ms: list[float] = []
    frames_per_s: list[float] = []
    draws_per_s: list[float] = []
    with ExitStack() as stack:
        parties = []
        roots = checkout(plan.vs, folder / "vs") if plan.vs else []
        browsers = []
        for number, _ in enumerate(filter(None, ("the remote", plan.vs))):
            say("starting Chromium")
            browsers.append(stack.enter_context(chromium(folder / f"browser-{number}", _WAIT_S)))
        data = make_data(folder, plan.minutes * 5 // 3 + 20, 1, say)
        for number, (name, its) in enumerate((("the remote", []), (plan.vs, roots))[: len(browsers)]):
            say(f"{name} stores {data.meter:,} readings")
            spec = json.dumps({"data": asdict(data), "place": str(folder / f"remote-{number}")})
            server = stack.enter_context(Child("pages_server", spec, environment(its)))
            url, build = json.loads(server.line())
            if its and not any(Path(build).is_relative_to(root) for root in its):
                raise RelayBenchError(f"the page of {name} was to be measured, not that of {build}")
            parties.append(_Party(name, url, browsers[number]))
            _log_in(parties[number])
        for run in range(1, plan.runs + 1):
            for party in parties:
                say(f"run {run} of {plan.runs}: {party.name}")
                party.open()
                if party is parties[0]:
                    zooms_ms += _zoom(party)
                    frames, draws = _pan(party)
                    frames_per_s.append(frames)
                    draws_per_s.append(draws)
                party.browser.get("about:blank")
    found: Figures = {"minutes": data.meter, "runs": plan.runs} | parties[0].figures()
    found |= {"zoom_ms": round(median(zooms_ms), 1), "zoom_worst_ms": round(max(zooms_ms), 1)}
    found |= {"pan_frames_per_s": round(median(frames_per_s), 1), "pan_draws_per_s": round(median(draws_per_s), 1)}
    found |= {"cores": os.cpu_count() or 0, "python": platform.python_version()}
    found["chromium"] = parties[0].browser.capabilities["browserVersion"]
    if plan.vs:
        found["vs"] = {"commit": plan.vs} | parties[1].figures()
        pairs = zip(parties[1].first_curve_ms, parties[0].first_curve_ms, strict=True)
        found["vs"]["ratio_of_first_curve"] = round(median(theirs / ours for theirs, ours in pairs), 2)
        found["vs"]["ratio_of_weight"] = round(found["vs"]["page_kb"] / found["page_kb"], 2)
    return found


def _log_in(party: _Party) -> None:
    browser = party.browser
    browser.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": _LOOK})
    browser.get(party.url)
    for name, text in (("name", NAME), ("password", PASSWORD)):
        browser.find_element("name", name).send_keys(text)
    browser.find_element("name", "submit").click()
    party.until("return document.querySelector('a.sensor-row, a.glance')")


def _zoom(party: _Party) -> list[float]:
    """Milliseconds from a turn of the wheel over the whole year, or over what is left of it, until the answer is drawn."""
    browser = party.browser
    browser.execute_script("document.querySelector('#spans [data-seconds=\"0\"]').click()")
    party.until("return document.querySelector('#spans .active')?.dataset.seconds === '0'")
    time.sleep(0.5)
    x, y = _middle(browser)
    took = []
    for _ in range(_ZOOMS):
        browser.execute_script("performance.clearMeasures('wish')")
        wheel = {"type": "mouseWheel", "x": x, "y": y, "deltaX": 0, "deltaY": _NOTCH}
        browser.execute_cdp_cmd("Input.dispatchMouseEvent", wheel)
        party.until("return performance.getEntriesByName('wish').length")
        took.append(browser.execute_script("return performance.getEntriesByName('wish')[0].duration"))
        time.sleep(0.5)
    return took


def _pan(party: _Party) -> tuple[float, float]:
    """(frames, drawings) a second while the curve is dragged to and fro."""
    browser = party.browser
    x, y = _middle(browser)
    browser.execute_script(_FRAMES)

    def mouse(kind: str, at: float, buttons: int) -> None:
        event = {"type": kind, "x": at, "y": y, "button": "left", "buttons": buttons, "modifiers": _SHIFT}
        browser.execute_cdp_cmd("Input.dispatchMouseEvent", event | {"clickCount": 1})

    mouse("mousePressed", x, 1)
    browser.execute_script("window.frames_ = []; window.draws_ = 0")
    begun_s, step = time.monotonic(), 0
    while time.monotonic() < begun_s + _PAN_S:
        step += 1
        mouse("mouseMoved", x + 200 - abs(step * 3 % 800 - 400), 1)
    frames, draws = browser.execute_script("return [window.frames_, window.draws_]")
    mouse("mouseReleased", x, 0)
    took_s = (frames[-1] - frames[0]) / 1000
    return (len(frames) - 1) / took_s, draws / took_s


def _middle(browser: "Chrome") -> tuple[float, float]:
    """Of the curve, in the window."""
    found = browser.execute_script(
        "const over = document.querySelector('#chart .u-over'); over.scrollIntoView({ block: 'center' });"
        "const box = over.getBoundingClientRect(); return [box.x + box.width / 2, box.y + box.height / 2]"
    )
    return found[0], found[1]
