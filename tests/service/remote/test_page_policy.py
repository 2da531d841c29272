"""Every page: nothing in it runs or styles but files of this remote, and nothing is changed but by a form that it gave."""

import re
from collections.abc import Callable
from html.parser import HTMLParser

import pytest
from flask.testing import FlaskClient
from gridecho.quantities import POWER_IMPORT
from gridecho_remote.rules.actor import OPERATOR
from gridecho_remote.rules.scopes import Scope
from gridecho_remote.store.grants import add_grant
from gridecho_remote.use import granting
from werkzeug.routing import Rule

from tests.rigs.fleet import Fleet, csrf_token, give_role
from tests.rigs.group_bars import make_group

OTHERS = ("/api/", "/relay/", "/oauth/token", "/oauth/revoke", "/static/", "/bootstrap/")
FILL = {"sensor_id": 7, "group_id": 1, "relay_id": 1, "number": 1}
QUERY = {"people_pages.one": "?name=ada"}


class Found(HTMLParser):
    """What a page has that its policy would not let be."""

    def __init__(self) -> None:
        super().__init__()
        self.inline: list[str] = []
        self.forms = self.tokens = 0
        self._posts = False

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = dict(attributes)
        self.inline += [f"{tag} {name}" for name in given if name == "style" or name.startswith("on")]
        if tag == "style" or (tag == "script" and "src" not in given and given.get("type") != "application/json"):
            self.inline.append(tag)
        self.inline += [f"{tag} {one}" for one in given.values() if one and one.lower().startswith("javascript:")]
        if tag == "form" and (given.get("method") or "get").lower() == "post":
            self.forms += 1
            self._posts = True
        if tag == "input" and given.get("name") == "csrf_token" and self._posts and given.get("value"):
            self.tokens += 1
            self._posts = False


def found_in(page: str) -> Found:
    found = Found()
    found.feed(page)
    return found


def address(rule: Rule) -> str:
    path = rule.build({name: FILL.get(name, "x") for name in rule.arguments}, append_unknown=False)
    assert path
    return str(path[1]) + QUERY.get(rule.endpoint, "")


@pytest.fixture
def rules(fleet: Fleet) -> Callable[[str], list[Rule]]:
    """The routes of pages that take a method."""
    found = [rule for rule in fleet.app.url_map.iter_rules() if not rule.rule.startswith(OTHERS)]
    return lambda method: [rule for rule in found if method in (rule.methods or ())]


@pytest.fixture
def clients(fleet: Fleet) -> list[FlaskClient]:
    """Who is anything at all, who has a grant only, and who is nobody."""
    boss, ada = fleet.person("boss"), fleet.person("ada")
    for kind in ("operator", "administrator", "auditor"):
        give_role(fleet.archive, "boss", kind)
    fleet.send(fleet.frame(7, {POWER_IMPORT: 5}))
    make_group(fleet, [1, 2])
    add_grant(fleet.archive, "ada", sensor_id=7)
    add_grant(fleet.archive, "boss", sensor_id=7)
    granting.grant(fleet.site, OPERATOR, "ada", Scope(region="north/city-a"))
    return [boss, ada, fleet.app.test_client()]


def test_no_page_runs_or_styles_anything_inline(clients: list[FlaskClient], rules: Callable[[str], list[Rule]]) -> None:
    shown = set()
    for rule in rules("GET"):
        for client in clients:
            answer = client.get(address(rule), buffered=True)
            policy = dict(
                part.strip().partition(" ")[::2] for part in answer.headers["Content-Security-Policy"].split(";")
            )
            assert not re.search(r"unsafe-|data:.*script|\*", " ".join(policy.values())), rule
            assert (policy["default-src"], policy["script-src"], policy["style-src"]) == ("'none'", "'self'", "'self'")
            if answer.mimetype == "text/html":
                assert found_in(answer.text).inline == [], (rule, answer.status_code)
                if answer.status_code == 200:
                    shown.add(rule.endpoint)
    assert {"pages.sensor", "group_pages.group", "pages.account", "audit_pages.rows", "people_pages.one"} <= shown
    assert len(shown) > 18


def test_the_look_for_inline_parts_finds_them() -> None:
    page = """<p style="a"><b onclick="x"><script>1</script><script type="application/json">{}</script><a href="JavaScript:x">"""
    assert found_in(page).inline == ["p style", "b onclick", "script", "a JavaScript:x"]
    assert found_in('<form method="post"><form method="POST"><input name="csrf_token" value="1">').tokens == 1


def test_every_form_has_a_token(clients: list[FlaskClient], rules: Callable[[str], list[Rule]]) -> None:
    forms = 0
    for rule in rules("GET"):
        for client in clients:
            answer = client.get(address(rule), buffered=True)
            if answer.mimetype == "text/html":
                found = found_in(answer.text)
                assert found.forms == found.tokens, rule
                forms += found.forms
    assert forms > 40


def test_nothing_is_changed_without_the_token_of_a_page(
    fleet: Fleet, clients: list[FlaskClient], rules: Callable[[str], list[Rule]]
) -> None:
    posts = rules("POST")
    assert len(posts) > 30
    theirs = csrf_token(clients[1].get("/password"))
    for rule in posts:
        for fields in ({}, {"csrf_token": "x"}, {"csrf_token": theirs}):
            answer = clients[0].post(address(rule), data={"name": "ada", "submit": "1", **fields})
            assert answer.status_code == 400, (rule, fields)
            assert "form" in answer.text, (rule, fields)
