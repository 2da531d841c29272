"""An administrator in front of the groups' pages: from none to a history, by day and by night, on a desk and on a phone."""

from __future__ import annotations

import pytest
from gridecho_remote.store import terms
from gridecho_remote.store.groups import add_group, find_group
from selenium.webdriver.common.by import By

from tests.rigs import heartbeats
from tests.rigs.fleet import give_role
from tests.rigs.group_bars import PERIODS, bars_of, beat, make_group, report_bars
from tests.rigs.visit import Visit

# What each chart says that it shows, and what its bars and curve are in the picture: in the scale of its highest.
_DRAWN = """
  return [...document.querySelectorAll('#charts figure')].map((f) => {
    const plot = f.querySelector('svg');
    if (!plot) return null;
    const bars = [...plot.querySelectorAll('.bar')];
    const heights = bars.map((bar) => bar.height.baseVal.value);
    const curve = plot.querySelector('.fit').getBBox();
    const area = plot.querySelector('.area').getBBox();
    return {...f.drawn, heights, floor: bars[0].y.baseVal.value + heights[0], area: [area.y, area.y + area.height],
            curveTop: curve.y, title: f.querySelector('figcaption').innerText};
  })
"""


class Charts(Visit):
    """What is drawn of a group."""

    def drawn(self) -> list[dict]:
        return self.browser.execute_script(_DRAWN)

    def night(self) -> None:
        dark = {"features": [{"name": "prefers-color-scheme", "value": "dark"}]}
        self.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", dark)


@pytest.fixture
def page(visit: Visit) -> Charts:
    visit.__class__ = Charts
    assert isinstance(visit, Charts)
    visit.first_login()
    give_role(visit.fleet.archive, "ada")
    visit.browser.get(visit.url)
    return visit


def test_the_list_of_relays_follows_their_heartbeats(page: Charts) -> None:
    heartbeats.beat(page.fleet, 1, store_bytes=100, store_free_bytes=12, readings_held=1_250_000, outbox_frames=0)
    page.browser.find_element(By.LINK_TEXT, "Relays").click()
    page.until(lambda: page.text("h1") == "Relays")
    assert "88 %" in page.text("#relays")
    page.shoot("relays")
    page.night()
    page.shoot("relays-dark")
    heartbeats.beat(page.fleet, 1, store_bytes=100, store_free_bytes=99)
    page.until(lambda: "1 %" in page.texts("#relays td")[2])
    assert page.complaints() == []


def test_from_no_group_to_one_with_members(page: Charts) -> None:
    browser = page.browser
    browser.find_element(By.LINK_TEXT, "Groups").click()
    page.until(lambda: "There is no group yet" in page.text("main"))
    page.shoot("groups-none")
    page.fill(name="north")
    page.until(lambda: page.text("h1") == "north")
    assert "Without members" in page.text("#present")
    page.shoot("group-empty")
    browser.find_element(By.CSS_SELECTOR, '.chips [value="1"]').click()
    page.until(lambda: "In the group now: relay 1." in page.text("main"))
    assert find_group(page.fleet.archive, "north")
    beat(page.fleet, 1)
    page.until(lambda: "Relay 1 was chosen: the first that was there" in page.text("#why"))
    page.shoot("group-of-one")
    browser.find_element(By.NAME, "relays").send_keys("2, 99")
    browser.find_element(By.CSS_SELECTOR, "form[action$=join] .btn-primary").click()
    page.until(lambda: "Relay 99 is not enrolled" in page.text(".alert-danger"))
    page.shoot("group-refused")
    assert page.complaints() == []


def test_loads_grow_and_a_past_term_is_shown(page: Charts) -> None:
    fleet, browser = page.fleet, page.browser
    relays = [1, 2, 3, 4, 5]
    group = make_group(fleet, relays, "north side, the streets by the harbour", turns=7)
    add_group(fleet.archive, "south", 0, after_forwards=500)
    report_bars(fleet, group, [1, 2, 3, 4], periods=3)
    report_bars(fleet, group, [5], periods=3)
    browser.get(page.url + "groups")
    page.shoot("groups")
    browser.get(page.url + f"groups/{group.id}")
    page.until(lambda: len(page.drawn()) == 5 and all(page.drawn()))
    present = terms.open_term(fleet.archive, group.id)
    assert present is not None
    assert [one["bars"] for one in page.drawn()] == [bars_of(n, present.number)[:3] for n in relays]
    report_bars(fleet, group, relays)
    beat(fleet, 5, url="")
    page.until(lambda: len(page.drawn()[0]["bars"]) == PERIODS)  # by itself
    drawn = page.drawn()
    assert len({one["top"] for one in drawn}) == 1
    for number, one in zip(relays, drawn, strict=True):
        scale = max(one["heights"]) / max(one["bars"])
        assert one["heights"] == pytest.approx([count * scale for count in one["bars"]], abs=0.01)
        assert one["area"] == pytest.approx([one["curveTop"], one["floor"]], abs=0.5)
        assert one["floor"] - one["curveTop"] == pytest.approx(max(one["curve"]) * scale, abs=0.5)
        assert min(one["curve"]) >= 0
        assert max(one["curve"]) <= max(one["bars"]) + 1e-6 <= one["top"]
        assert f"{sum(bars_of(number, present.number)):,}" in one["title"]
    page.until(lambda: "no group_url" in page.text("#members"))
    page.shoot("group")
    page.night()
    page.until(lambda: browser.execute_script("return document.documentElement.dataset.bsTheme") == "dark")
    page.shoot("group-dark")
    browser.execute_script("document.querySelector('#history a[href*=\"term=3#\"]').click()")  # the rows are renewed
    page.until(lambda: "Loads of term 3" in page.text("#loads h2"))
    page.until(lambda: len(page.drawn()) == 5 and all(page.drawn()))
    assert [one["bars"] for one in page.drawn()] == [bars_of(n, 3) for n in relays]
    assert "chosen" in page.text("#ballot")
    browser.execute_script("document.getElementById('loads').scrollIntoView()")
    page.shoot("group-past")
    browser.get(page.url + f"groups/{group.id}")
    browser.find_element(By.ID, "rotate").click()
    page.until(lambda: f"Term {present.number + 1} began" in page.text(".alert-success"))
    assert page.complaints() == []


def test_a_group_whose_relays_are_late(page: Charts) -> None:
    fleet = page.fleet
    fleet.clock.now_s -= 3600
    group = make_group(fleet, [1, 2, 3], turns=1)
    page.browser.get(page.url + f"groups/{group.id}")
    page.until(lambda: "late" in page.text("#members"))
    page.shoot("group-late")
    assert page.complaints() == []
