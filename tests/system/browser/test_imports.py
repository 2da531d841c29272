"""A household takes a file of its own into its sensor, with a browser that packs it."""

import time
from pathlib import Path

from gridecho.quantities import ENERGY_IMPORT
from gridecho.readings import Reading
from gridecho_remote.rules.actor import OPERATOR
from gridecho_remote.use import imports, places
from selenium.webdriver.common.by import By

from tests.rigs.visit import Visit

DAY_S = 86_400


def test_a_file_is_chosen_looked_at_taken_in_and_taken_back(visit: Visit, tmp_path: Path) -> None:
    visit.first_login()
    begin = int(time.time()) // 900 * 900 - 2 * DAY_S
    places.begin_contract(visit.fleet.site, OPERATOR, 7, "ada", begin - 400 * DAY_S)
    visit.send(visit.fleet.frame(7, [Reading(begin + 900 * n, {ENERGY_IMPORT: 90_000_000 + n}) for n in range(100)]))
    count = 35_040  # a year, which is more than a form takes as text
    lines = [f"{begin - 900 * n},{90_000_000 - 10 * n}" for n in range(count, 0, -1)]
    file = tmp_path / "my year.csv"
    file.write_text("\n".join(["time,1-0:1.8.0", *lines]))
    visit.browser.get(f"{visit.url}sensors/7")
    visit.click("#imports")
    visit.until(lambda: visit.text("h1") == "Take in a file of your own")
    visit.shoot("import-none")
    assert not visit.browser.find_element(By.ID, "text").is_displayed(), "a file is chosen in its place"
    visit.browser.find_element(By.ID, "file").send_keys(str(file))
    visit.until(lambda: visit.browser.execute_script("return document.getElementById('name').value") == "my year.csv")
    visit.click("#preview-it")
    visit.until(lambda: f"{count:,} readings would be taken in" in visit.text("#preview"))
    visit.shoot("import-preview")
    visit.click("#preview [name=take]")
    visit.until(lambda: visit.texts("#taken tbody tr"))
    assert f"{count:,}" in visit.text("#taken")
    visit.shoot("import-taken")
    visit.browser.get(f"{visit.url}sensors/7")
    visit.until(lambda: "imported from a household" in visit.text("#imported"))
    visit.shoot("sensor-imported")
    visit.browser.get(f"{visit.url}sensors/7/imports")
    visit.click("#taken button")
    visit.until(lambda: "taken back" in visit.text("#taken"))
    (one,) = imports.all_of(visit.fleet.site, OPERATOR, 7)
    assert (one.name, one.readings, one.taken_back_ms is None) == ("my year.csv", count, False)
    assert visit.complaints() == []
