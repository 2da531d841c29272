"""A database that has no room, or that cannot be written for a while: who asks is told to come again, and nothing is lost."""

import json
import logging

import pytest
from gridecho.quantities import POWER_IMPORT
from gridecho.readings import Reading
from gridecho_remote.jobs.tidying import Tidier
from gridecho_remote.store import queries
from gridecho_remote.store.grants import add_grant
from werkzeug.test import TestResponse

from tests.rigs.fleet import Fleet, log_in
from tests.rigs.plain_rollups import check_rollups
from tests.rigs.waiting import wait_for

W = POWER_IMPORT
T0 = 1_780_000_000
FULL = "The remote has no room; nothing of this was stored, so keep it and try later."
AWAY = "The remote cannot reach or write its database now; nothing of this was stored, so keep it and try later."


class Trouble:
    """A file that is full or read-only to the one connection of a site, which is in its pool."""

    def __init__(self, fleet: Fleet, status: int) -> None:
        self.fleet, self.status = fleet, status
        self.said = FULL if status == 507 else AWAY
        self._raw = fleet.archive.connection().raw

    def begin(self) -> None:
        self._raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        (pages,) = self._raw.execute("PRAGMA page_count").fetchone()
        self._raw.execute(f"PRAGMA max_page_count = {pages}" if self.status == 507 else "PRAGMA query_only = 1")
        self.fleet.archive.give_back()

    def end(self) -> None:
        self._raw.execute("PRAGMA max_page_count = 1000000")
        self._raw.execute("PRAGMA query_only = 0")


@pytest.fixture(params=[503, 507], ids=["read-only", "full"])
def trouble(request: pytest.FixtureRequest, make_fleet) -> Trouble:
    return Trouble(make_fleet(tidy_every_s=0.01), request.param)


def many(fleet: Fleet) -> list[bytes]:
    """Of 201 days."""
    return [fleet.frame(7, [Reading(T0 + 43_200 * n + 60 * k, {W: n * k}) for k in range(50)], n) for n in range(400)]


def test_batches_are_told_to_come_again_and_are_stored_then(trouble: Trouble) -> None:
    fleet = trouble.fleet
    body = fleet.batch(1, many(fleet))
    trouble.begin()
    answer = fleet.post(body)
    assert (answer.status_code, answer.content_type) == (trouble.status, "application/problem+json")
    assert answer.json["detail"] == trouble.said
    assert int(answer.headers["Retry-After"]) > 0
    assert queries.count_data(fleet.archive) == 0
    trouble.end()
    assert fleet.post(body).status_code == 200
    assert queries.count_data(fleet.archive) == 400


def test_heartbeats_and_pages_say_so_too(trouble: Trouble) -> None:
    fleet = trouble.fleet
    client = fleet.person()
    add_grant(fleet.archive, "ada", sensor_id=7)
    assert client.get("/").status_code == 200

    def beat(relay_id: int) -> TestResponse:
        return fleet.bring("heartbeat", json.dumps({"relay": relay_id, "long": "x" * 3_500}).encode(), relay_id)

    trouble.begin()
    beat(1)  # there may be room for one in the table's last page
    answer = beat(2)
    assert (answer.status_code, answer.json["detail"]) == (trouble.status, trouble.said)
    assert int(answer.headers["Retry-After"]) > 0
    if trouble.status == 503:
        page = log_in(fleet.app.test_client(), "ada", "not hers")
        assert (page.status_code, AWAY in page.get_data(as_text=True)) == (503, True)
        assert int(page.headers["Retry-After"]) > 0
    assert client.get("/").status_code == 200, "what is only read is there"
    if trouble.status == 503:
        assert client.get("/api/v1/sensors/7").status_code == 503, "but for a look that is to be noted first"
    trouble.end()
    assert client.get("/api/v1/sensors/7").status_code == 200
    assert [beat(1).status_code, beat(2).status_code] == [200, 200]


def test_tidying_waits_and_answers_are_right_meanwhile(trouble: Trouble, caplog: pytest.LogCaptureFixture) -> None:
    fleet = trouble.fleet
    fleet.send(*many(fleet))
    trouble.begin()
    tidier = Tidier(fleet.site)
    with caplog.at_level(logging.WARNING):
        tidier.start()
        wait_for(lambda: "tidying-failed" in caplog.text, "a round that fails")
    assert ("StorageFullError" if trouble.status == 507 else "StorageAwayError") in caplog.text
    assert queries.count_readings(fleet.archive) == 20_000
    trouble.end()
    wait_for(
        lambda: (
            not any(
                fleet.archive.connection().execute(f"SELECT count(*) FROM {table}").fetchone()[0]  # noqa: S608
                for table in ("stale", "loose")
            )
        ),
        "the end of what there was to tidy",
    )
    tidier.stop()
    assert check_rollups(fleet.archive, fleet.site.days) == 201
