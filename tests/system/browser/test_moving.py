"""Somebody moves in a curve: by mouse, wheel, touch and keyboard; what is missing is drawn as such; the console stays quiet."""

import time
from itertools import pairwise

import pytest
from gridecho.quantities import ENERGY_IMPORT, POWER_IMPORT
from gridecho.readings import Reading
from gridecho_remote.store.grants import add_grant
from selenium.webdriver import ActionChains, Keys
from selenium.webdriver.common.by import By

from tests.rigs.visit import Visit

DAY_S, MINUTE_S = 86_400, 60
# What is drawn where a second is: (red, green, blue) of the canvas at this share of its height.
PIXEL = """
  const { plot } = document.getElementById('chart').curve;
  const x = Math.round(plot.valToPos(arguments[0], 'x', true));
  const y = Math.round(plot.bbox.top + plot.bbox.height * arguments[1]);
  return [...plot.ctx.getImageData(x, y, 1, 1).data];
"""


class Chart(Visit):
    """A sensor with four days of minutes; half an hour of the last day never came."""

    to_s: int
    gap: tuple[int, int]

    def begin(self) -> None:
        self.first_login()
        add_grant(self.fleet.archive, "ada", sensor_id=7)
        self.to_s = int(time.time()) // MINUTE_S * MINUTE_S
        self.gap = (self.to_s - 6 * 3600, self.to_s - 6 * 3600 + 1800)
        frames = []
        for begin_s in range(self.to_s - 4 * DAY_S, self.to_s, 1800):
            readings = [
                Reading(t, {ENERGY_IMPORT: 123_456_789_000 + t % 10**6, POWER_IMPORT: 200 + t // 60 % 977})
                for t in range(begin_s, begin_s + 1800, MINUTE_S)
            ]
            frame = self.fleet.frame(7, readings)
            if begin_s != self.gap[0]:
                frames.append(frame)
        self.send(*frames)
        self.browser.get(self.url + "sensors/7")
        self.until(lambda: len(self.line()) > 1300)

    @property
    def span(self) -> tuple[float, float]:
        from_s, to_s = self.curve("span")
        return from_s, to_s

    @property
    def width(self) -> float:
        from_s, to_s = self.span  # in one step: a curve that follows the clock moves in between
        return to_s - from_s

    def summary(self) -> str:
        """The curve in words, for who does not see it."""
        return self.browser.execute_script("return document.getElementById('summary').textContent")

    @property
    def over(self):
        return self.browser.find_element(By.CSS_SELECTOR, "#chart .u-over")

    def key(self, key: str) -> None:
        self.browser.find_element(By.ID, "chart").send_keys(key)

    def wheel(self, share: float, notches: float) -> None:
        box = self.over.rect
        place = {"x": box["x"] + box["width"] * share, "y": box["y"] + box["height"] / 2}
        event = {"type": "mouseWheel", **place, "deltaX": 0, "deltaY": notches}
        self.browser.execute_cdp_cmd("Input.dispatchMouseEvent", event)

    def touch(self, kind: str, *shares: float) -> None:
        box = self.over.rect
        points = [
            {"x": box["x"] + box["width"] * share, "y": box["y"] + box["height"] / 2, "id": n}
            for n, share in enumerate(shares)
        ]
        self.browser.execute_cdp_cmd("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    def zoomed_in(self) -> None:
        """To three hours in the middle of yesterday, by the wheel: a fixed place for what follows."""
        while self.width > 4 * 3600:
            before = self.width
            self.wheel(0.5, -300)
            self.until(lambda before=before: self.width < before)


@pytest.fixture
def chart(visit: Visit) -> Chart:
    visit.__class__ = Chart
    assert isinstance(visit, Chart)
    visit.begin()
    return visit


def test_the_wheel_zooms_where_the_pointer_is_and_finds_every_reading(chart: Chart) -> None:
    chart.click('#spans [data-seconds="0"]')
    chart.until(lambda: chart.width > 3.9 * DAY_S)
    chart.until(lambda: "Thinned" in chart.text("#note"))
    band = chart.band()
    assert len(band) > 500
    assert all(least <= value <= most for (least, most), value in zip(band, filter(None, chart.line()), strict=True))
    assert sum(least < most for least, most in band) > len(band) / 2
    from_s, width = chart.span[0], chart.width
    chart.wheel(0.25, -300)
    chart.until(lambda: chart.width < width * 0.6)
    assert (
        abs(chart.span[0] + chart.width / 4 - (from_s + width / 4)) < width / 200
    )  # what was under the pointer still is
    chart.zoomed_in()
    chart.until(lambda: "Thinned" not in chart.text("#note"))
    chart.until(lambda: chart.times()[-1] - chart.times()[0] > chart.width - 3 * MINUTE_S)
    times = chart.times()
    assert {b - a for a, b in pairwise(times)} == {MINUTE_S}
    for _ in range(3):
        width = chart.width
        chart.wheel(0.5, 300)
        chart.until(lambda width=width: chart.width > width)
    ActionChains(chart.browser).double_click(chart.over).perform()
    chart.until(lambda: "Drag across" in chart.text("#note"))
    chart.until(lambda: chart.text("#spans .active") == "All")
    assert chart.complaints() == []


def test_the_mouse_moves_with_shift_and_what_is_beside_is_there_at_once(chart: Chart) -> None:
    chart.zoomed_in()
    chart.until(lambda: "Thinned" not in chart.text("#note") and chart.curve("data")[0][0] < chart.span[0] - 1800)
    span, width = chart.span, chart.width
    moved = chart.over.rect["width"] / 5
    keys = ActionChains(chart.browser).key_down(Keys.SHIFT).move_to_element(chart.over).click_and_hold()
    keys.move_by_offset(round(moved), 0).perform()
    assert chart.width == pytest.approx(width)
    assert chart.span[0] == pytest.approx(span[0] - width / 5, abs=width / 100)
    drawn = chart.times()  # from before the hand is lifted
    assert drawn[0] - chart.span[0] <= MINUTE_S
    ActionChains(chart.browser).release().key_up(Keys.SHIFT).perform()
    chart.until(
        lambda: chart.curve("data")[0][0] < chart.span[0] - width / 2 + 2 * MINUTE_S
    )  # asked for anew around it
    link = chart.browser.find_element(By.ID, "csv").get_attribute("href")
    assert f"from={int(chart.span[0])}&" in link
    assert chart.complaints() == []


def test_keys_move_zoom_and_go_back(chart: Chart) -> None:
    assert chart.summary().startswith("Power drawn from ")
    width = chart.width
    chart.key("+")
    chart.until(lambda: chart.width == pytest.approx(width / 2))
    from_s, width = chart.span[0], chart.width
    chart.key(Keys.ARROW_LEFT)
    chart.until(lambda: chart.span[0] == pytest.approx(from_s - width / 4, abs=1))
    chart.key(Keys.ARROW_RIGHT)
    chart.until(lambda: chart.span[0] == pytest.approx(from_s, abs=1))
    chart.key("-")
    chart.until(lambda: chart.width == pytest.approx(2 * width))
    chart.key(Keys.HOME)
    chart.until(lambda: chart.text("#spans .active") == "1 d")
    # Other keys, and these with Ctrl, are the browser's.
    held = chart.browser.execute_script(
        "return ['Tab', 'PageDown', 'a'].some((key) => !document.getElementById('chart').dispatchEvent("
        "new KeyboardEvent('keydown', { key, cancelable: true })))"
    )
    assert held is False
    chart.key("+")
    chart.until(lambda: not chart.text("#spans .active"))
    chart.key("0")
    chart.until(lambda: chart.text("#spans .active") == "1 d")
    assert chart.complaints() == []


def test_one_finger_moves_and_two_zoom(chart: Chart) -> None:
    chart.browser.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": True, "maxTouchPoints": 2})
    try:
        chart.zoomed_in()
        span, width = chart.span, chart.width
        chart.touch("touchStart", 0.5)
        for share in (0.52, 0.6, 0.7):
            chart.touch("touchMove", share)
        chart.touch("touchEnd")
        chart.until(lambda: chart.span[0] == pytest.approx(span[0] - 0.2 * width, abs=width / 50))
        assert chart.width == pytest.approx(width)
        span = chart.span
        chart.touch("touchStart", 0.4, 0.6)
        for apart in (0.12, 0.16, 0.2):
            chart.touch("touchMove", 0.5 - apart, 0.5 + apart)
        chart.touch("touchEnd")
        chart.until(lambda: chart.width == pytest.approx(width / 2, rel=0.03))
        assert sum(chart.span) / 2 == pytest.approx(sum(span) / 2, abs=width / 50)
        for _ in range(2):
            chart.touch("touchStart", 0.5)
            chart.touch("touchEnd")
        chart.until(lambda: chart.text("#spans .active") == "1 d")
    finally:
        chart.browser.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": False})
    assert chart.complaints() == []


def test_what_is_missing_is_shaded_and_has_no_line(chart: Chart) -> None:
    begin_s, end_s = chart.gap
    (gap,) = [one for one in chart.curve("spans") if one["kind"] == "gap"]
    assert abs(gap["from"] - begin_s) <= MINUTE_S >= abs(gap["to"] - end_s)
    assert chart.line().count(None) == 1
    paper = chart.browser.execute_script(PIXEL, begin_s - 3600, 0.02)
    shade = chart.browser.execute_script(PIXEL, (begin_s + end_s) / 2, 0.02)
    assert paper != shade
    # From top to bottom nothing but the shade and lines of the grid: no curve, no area under it.
    column = {tuple(chart.browser.execute_script(PIXEL, (begin_s + end_s) / 2, n / 97)) for n in range(1, 97)}
    assert len(column) <= 4
    assert chart.browser.execute_script("return !document.getElementById('legend-gap').hidden")
    assert "Readings are missing in 1 stretch." in chart.summary()
    chart.shoot("gap")


def test_a_large_register_has_its_whole_label(chart: Chart) -> None:
    chart.browser.find_element(By.CSS_SELECTOR, '#quantity [value="1-0:1.8.0"]').click()
    chart.until(lambda: min(filter(None, chart.line())) > 10**11)
    label, room = chart.browser.execute_script(
        "const { plot } = document.getElementById('chart').curve; const axis = plot.axes[1];"
        "plot.ctx.font = axis.font[0]; const wide = (text) => plot.ctx.measureText(text).width;"
        "return [Math.max(...axis._values.map(wide)) / devicePixelRatio, axis._size]"
    )
    assert 50 < label < room
    chart.shoot("register")


def test_what_is_there_stays_until_a_slow_answer_comes_and_an_old_one_is_dropped(chart: Chart) -> None:
    # The first answer is held back by the page's own fetch, so that it is old when it comes.
    chart.browser.execute_script("""
      const real = window.fetch;
      window.held = 0;
      window.fetch = async (address, options) => {
        if (!String(address).includes("/readings?")) return real(address, options);
        window.held += 1;
        const mine = window.held;
        const answer = await real(address, { ...options, signal: undefined });
        if (mine === 1) await new Promise((go) => { window.letGo = go; });
        return answer;
      };
    """)
    drawn = len(chart.line())
    chart.key("+")
    chart.until(lambda: chart.browser.execute_script("return window.held") == 1)
    chart.until(lambda: not chart.browser.execute_script("return document.getElementById('busy').hidden"))
    assert len(chart.line()) > drawn / 3  # that part of what was there
    chart.key(Keys.ARROW_LEFT)
    chart.until(lambda: chart.browser.execute_script("return !!window.letGo"))
    chart.browser.execute_script("window.letGo()")
    chart.until(lambda: chart.browser.execute_script("return window.held") >= 2)
    chart.until(lambda: chart.curve("data")[0][0] < chart.span[0] - chart.width / 3)
    assert chart.curve("data")[0][-1] < chart.span[1] + chart.width
    assert chart.complaints() == []


def test_it_fits_the_window_and_follows_the_theme(chart: Chart) -> None:
    browser = chart.browser
    light = browser.execute_script(PIXEL, chart.to_s - 3600, 0.99)
    dark = {"features": [{"name": "prefers-color-scheme", "value": "dark"}]}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", dark)
    chart.until(lambda: browser.execute_script(PIXEL, chart.to_s - 3600, 0.99) != light)
    metrics = {"width": 700, "height": 900, "deviceScaleFactor": 2, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    # Two dots of the picture for each of the page.
    sharp = """
      const box = document.getElementById('chart'), picture = box.querySelector('canvas');
      return picture.clientWidth === box.clientWidth && picture.width === 2 * picture.clientWidth;
    """
    chart.until(lambda: browser.execute_script(sharp))
    chart.shoot("gap-dark")
    # It does not like that its picture is read, which only this test does.
    assert [said for said in chart.complaints() if "getImageData" not in said] == []
