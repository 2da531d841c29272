"""Pages in the language that the browser asks for or that was chosen; nothing that they say is left out of the catalogues."""

import json
import re
from gettext import NullTranslations
from html.parser import HTMLParser

import pytest
from flask.testing import FlaskClient
from gridecho_remote.store.grants import add_grant
from gridecho_remote.web import languages
from gridecho_remote.web.guard import Need, need_of

from tests.rigs.fleet import Fleet, csrf_token, give_role

CHINESE = {"Accept-Language": "zh-CN,zh;q=0.9,en;q=0.8"}
# Data, and names that have no other form: what was enrolled and given, units, terms of files and settings.
DATA = (
    r"gridecho|Green Button|Mill Lane 12|Town hall|Harbour 3|north|south|city-[abc]|Relay \d|ada|boss|west|English|CSV|no group_url"
    r"|UTC|kWh?|[MkmG]?W|[mk]?Hz|ms|k?V|\bs\b|OBIS|code\.\d+|^sensors\.$|^sensor 7$"
    r"|Authorization: Bearer TOKEN|audit_anchors|curl|Werkzeug/\S+"
)
SHOWN = ("title", "placeholder", "alt", "aria-label")


class Words(HTMLParser):
    """The texts that a page shows, but those that it says are English."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.beside: list[str] = []  # in attributes
        self._open: list[tuple[str, bool]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        apart = tag in ("script", "code") or (given.get("lang") in ("en", "zh-Hans") and tag != "html")
        if tag not in ("meta", "link", "img", "input", "br"):
            self._open.append((tag, apart))
        if not any(one for _, one in self._open):
            self.beside += [given[name] or "" for name in SHOWN if name in given]
            if tag == "input" and given.get("type") == "submit":
                self.beside.append(given.get("value") or "")

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        if not any(apart for _, apart in self._open):
            self.found.append(data)


class Marked(NullTranslations):
    """Each message between two marks."""

    def gettext(self, message: str) -> str:
        return f"⟦{message}⟧" if message not in (", ", "d MMMM y") else message

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        return f"⟦{msgid1 if n == 1 else msgid2}⟧"

    ugettext, ungettext = gettext, ngettext


def unmarked(page: str) -> list[str]:
    """What a page shows outside of all marks and is no data. A message may have tags in it."""
    words = Words(page)
    left = []
    for text in ("\n".join(words.found), *words.beside):
        before = ""
        while text != before:
            before, text = text, re.sub(r"⟦[^⟦⟧]*⟧", "", text)
        left += [one.strip() for one in text.split("\n") if re.search(r"[A-Za-z]{2}", re.sub(DATA, "", one))]
    return left


@pytest.fixture
def boss(fleet: Fleet) -> FlaskClient:
    fleet.send(fleet.frame(7, {2: 5, 3: 900}))
    client = fleet.person("boss")
    for kind in ("operator", "administrator", "auditor"):
        give_role(fleet.archive, "boss", kind)
    add_grant(fleet.archive, "boss", region="north")
    token = csrf_token(client.get("/groups"))
    sent = {"csrf_token": token, "name": "west", "after_s": "3600", "period_s": "60"}
    assert client.post("/groups", data=sent).status_code == 302
    assert client.post("/groups/1/join", data={"csrf_token": token, "relays": "1, 2"}).status_code == 302
    client.get("/groups/1")  # which shows what came of it
    return client


def test_no_page_says_what_no_catalogue_has(fleet: Fleet, boss: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    ada, nobody = fleet.person(), fleet.app.test_client()
    monkeypatch.setattr(languages, "catalogue", lambda _: Marked())
    walked, left = 0, {}
    for rule in fleet.app.url_map.iter_rules():
        need = need_of(fleet.app, rule.endpoint)
        if "GET" not in rule.methods or need in (Need.RELAY, Need.CODE) or rule.rule.startswith(("/static", "/api/v")):
            continue
        built = rule.build({name: 7 if name == "sensor_id" else 1 for name in rule.arguments}, append_unknown=False)
        path = built[1] + ("?name=ada" if rule.endpoint == "people_pages.one" else "")
        for who, client in (("boss", boss), ("ada", ada), ("nobody", nobody)):
            answer = client.get(path, headers=CHINESE)
            if answer.mimetype != "text/html" or 300 <= answer.status_code < 400:
                continue
            walked += 1
            assert answer.headers["Content-Language"] == "zh-Hans", path
            if found := unmarked(answer.get_data(as_text=True)):
                left[who, path] = found
    assert walked > 40
    assert not left


def test_the_browsers_language_decides(fleet: Fleet) -> None:
    client = fleet.app.test_client()
    for asked, tag in (
        ("", "en"),
        ("zh", "zh-Hans"),
        ("zh-Hans-CN", "zh-Hans"),
        ("de, zh-CN;q=0.7, en;q=0.3", "zh-Hans"),
        ("en-GB, zh;q=0.9", "en"),
        ("zh;q=0", "en"),
        ("de", "en"),
        ("*", "en"),
    ):
        answer = client.get("/login", headers={"Accept-Language": asked})
        page = answer.get_data(as_text=True)
        assert f'<html lang="{tag}">' in page, asked
        assert ("登录" in page) == (tag == "zh-Hans"), asked
        assert answer.headers["Content-Language"] == tag
        assert {"accept-language", "cookie"} <= {one.lower() for one in answer.vary}
        assert "ETag" not in answer.headers, "nor is a page of the other language ever taken for it"


def test_scripts_have_their_words_from_the_page(boss: FlaskClient) -> None:
    said = {"/sensors/7": ("secondsAgo", "{count} 秒前"), "/groups/1": ("score", "负载得分")}
    for path, (name, text) in said.items():
        page = boss.get(path, headers=CHINESE).get_data(as_text=True)
        (words,) = re.findall(r'<script type="application/json" id="words">(.*?)</script>', page)
        assert json.loads(words)[name] == text


def test_what_was_chosen_stays_and_leads_back(fleet: Fleet) -> None:
    client = fleet.app.test_client()
    token = csrf_token(client.get("/login?next=/account"))
    here = {"Referer": "http://localhost/login?next=/account"}
    chosen = client.post("/language", data={"language": "zh", "csrf_token": token}, headers=here)
    assert (chosen.status_code, chosen.location) == (302, "/login?next=/account")
    assert "HttpOnly" in chosen.headers["Set-Cookie"] and "SameSite=Lax" in chosen.headers["Set-Cookie"]
    for _ in range(2):
        assert "登录" in client.get("/login", headers={"Accept-Language": "en"}).get_data(as_text=True)
    # Nobody else's page or link chooses, nor leads elsewhere, nor is a language believed that there is not.
    assert client.post("/language", data={"language": "en"}).status_code == 400
    assert client.get("/language?language=en").status_code == 405
    assert "登录" in client.get("/login?lang=en").get_data(as_text=True)
    away = client.post(
        "/language", data={"language": "../x", "csrf_token": token}, headers={"Referer": "http://evil.example//x"}
    )
    assert away.location == "/" and "language=" not in away.headers.get("Set-Cookie", "")


def test_programs_are_answered_in_english(fleet: Fleet) -> None:
    answer = fleet.app.test_client().get("/api/v1/sensors", headers=CHINESE)
    assert answer.json["detail"] == "Log in first."
    page = fleet.app.test_client().get("/nowhere", headers=CHINESE).get_data(as_text=True)
    assert "此处没有内容" in page
