"""The page on which a household takes its own files in: after a preview, whole or not, and back; for nobody else."""

import base64
import gzip

import pytest
from flask.testing import FlaskClient
from gridecho.quantities import ENERGY_IMPORT
from gridecho.readings import Reading
from gridecho_remote.rules.actor import OPERATOR
from gridecho_remote.store.grants import add_grant
from gridecho_remote.use import imports, places

from tests.rigs.fleet import Fleet, csrf_token

T0 = 1_799_000_000
PAGE = "/sensors/7/imports"
FILE = "time,1-0:1.8.0\n" + "".join(f"{T0 - 900 * n},{9_000 - n}\n" for n in range(1, 100))


@pytest.fixture
def kim(fleet: Fleet) -> FlaskClient:
    """The subject."""
    fleet.send(fleet.frame(7, [Reading(T0 + 900 * n, {ENERGY_IMPORT: 10_000 + n}) for n in range(20)]))
    client = fleet.person("kim")
    places.begin_contract(fleet.site, OPERATOR, 7, "kim", T0 - 50 * 900)
    return client


def sent(client: FlaskClient, **fields: str) -> tuple[int, str]:
    answer = client.post(PAGE, data={"csrf_token": csrf_token(client.get(PAGE)), **fields})
    return answer.status_code, answer.text


def test_a_file_is_looked_at_taken_in_and_taken_back(fleet: Fleet, kim: FlaskClient) -> None:
    assert f'href="{PAGE}"' in kim.get("/sensors/7").text
    packed = base64.b64encode(gzip.compress(FILE.encode())).decode()
    for fields in ({"text": FILE}, {"packed": packed}):
        status, page = sent(kim, preview="Preview", name="own.csv", **fields)
        assert status == 200
        assert "50 readings would be taken in" in page and 'name="take"' in page
        assert "Left out: 49, because they are not of the time of your contract." in page
    assert imports.all_of(fleet.site, OPERATOR, 7) == []
    assert sent(kim, take="Take it in", name="own.csv", packed=packed)[0] == 302
    assert "50 readings are taken in." in kim.get(PAGE).text
    assert sent(kim, preview="Preview", packed=packed)[1].count("This file is in already.") == 1
    assert "imported from a household&#39;s own files" in kim.get("/sensors/7").text.replace("'", "&#39;")
    (one,) = imports.all_of(fleet.site, OPERATOR, 7)
    token = csrf_token(kim.get(PAGE))
    assert kim.post(f"{PAGE}/{one.id}/back", data={"csrf_token": token}).status_code == 302
    assert "taken back" in kim.get(PAGE).text
    assert 'id="imported"' not in kim.get("/sensors/7").text


def test_what_cannot_be_is_named(fleet: Fleet, kim: FlaskClient) -> None:
    status, page = sent(kim, preview="Preview", text=FILE + "x,1\n")
    assert status == 200 and 'name="take"' not in page
    assert "Line 101: A time was expected, in whole seconds." in page
    for fields in ({"text": FILE + "x,1\n"}, {"text": ""}, {"packed": "%"}, {"packed": "AAAA"}, {"text": "<feed/>"}):
        status, page = sent(kim, take="Take it in", **fields)
        assert (status, "alert-danger" in page) == (400, True)
    assert imports.all_of(fleet.site, OPERATOR, 7) == []


def test_it_is_for_nobody_else(fleet: Fleet, kim: FlaskClient) -> None:
    eve, nobody = fleet.person("eve"), fleet.person("nobody")
    add_grant(fleet.archive, "eve", region="north")
    assert eve.get(PAGE).status_code == 400
    assert PAGE not in eve.get("/sensors/7").text
    there, none = nobody.get(PAGE), nobody.get(PAGE.replace("7", "77"))
    assert (there.status_code, none.status_code) == (404, 404)
