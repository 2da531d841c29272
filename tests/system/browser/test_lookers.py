"""A household sees who looked at its meter."""

import time

from gridecho.quantities import POWER_IMPORT
from gridecho.readings import Reading
from gridecho_remote.rules.actor import OPERATOR, person
from gridecho_remote.store import grants, organisations, users
from gridecho_remote.use import places, sensors
from gridecho_remote.use.sensors import Span
from gridecho_remote.use.site import site_of

from tests.rigs.visit import Visit


def test_who_looked_at_my_meter(visit: Visit) -> None:
    archive, now_s = visit.fleet.archive, int(time.time())
    site = site_of(visit.fleet.settings, archive)
    for n in range(30):
        visit.fleet.send(visit.fleet.frame(7, [Reading(now_s - 60 * (30 - n), {POWER_IMPORT: 500})]))
    visit.fleet.person("Grace Hopper")
    organisations.add(archive, "Statistics Office", 0)
    users.set_organisation(archive, "Grace Hopper", "Statistics Office")
    grants.add_grant(archive, "Grace Hopper", sensor_id=7)
    grace = person(users.user_id(archive, "Grace Hopper"))
    visit.first_login()
    places.begin_contract(site, OPERATOR, 7, "ada", now_s - 40 * 86_400)
    sensors.readings(site, grace, 7, -1, Span(now_s - 7_200, now_s), 100, None)
    taken = sensors.export(site, grace, 7, -1, Span(now_s - 86_400, now_s))
    list(taken.parts)
    taken.ended(True)
    visit.click("header a[title='Your account']")
    visit.until(lambda: visit.text("h1") == "Your account")
    visit.click("#looks")
    visit.until(lambda: visit.text("h1") == "Who looked at my meter")
    said = visit.text("#looks")
    for part in ("Grace Hopper", "Statistics Office", "readings as a file: 30", "readings on a page: 30"):
        assert part in said, said
    visit.shoot("looks")
    visit.click("main a[href='/sensors/7']")
    visit.until(lambda: visit.text("#looks") == "who looked at it")
    assert visit.complaints() == []
