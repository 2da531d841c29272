"""docs/dashboards.md: its addresses are answered, with the fields that it names, and its programs run."""

import re
import threading
from collections.abc import Iterator
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import pytest
import urllib3
from gridecho_bench.ports import free_port
from gridecho_remote.rules.actor import OPERATOR
from gridecho_remote.rules.scopes import Scope
from gridecho_remote.server import Server
from gridecho_remote.settings import read_remote_settings
from gridecho_remote.use import tokens
from gridecho_remote.use.site import open_site
from jinja2 import Environment

from tests.rigs.manual_site import make_site
from tests.rigs.places import REPOSITORY
from tests.rigs.waiting import HANG_S

PAGE = (REPOSITORY / "docs/dashboards.md").read_text(encoding="utf-8")
PLACE = "https://readings.example"
SPAN = {"date:YYYY-MM-DD": ("2026-01-01", "2026-01-03"), "date:seconds": ("1767225600", "1767398400")}


def blocks(kind: str) -> list[str]:
    return re.findall(rf"```{kind}\n(.*?)```", PAGE, re.DOTALL)


@pytest.fixture
def address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A remote with a home's readings, and the token of somebody who may see them in the folder where programs run."""
    make_site(tmp_path / "remote", ("ada",))
    settings = tmp_path / "remote" / "remote.toml"
    settings.write_text(settings.read_text().replace("127.0.0.1:8080", f"127.0.0.1:{free_port()}"))
    site = open_site(read_remote_settings(settings))
    (tmp_path / "reader.token").write_text(tokens.add_of_user(site, OPERATOR, "ada", "dashboards", Scope(), 1).token)
    (tmp_path / "reader.token").chmod(0o600)
    monkeypatch.chdir(tmp_path)
    server = Server(site)
    thread = threading.Thread(target=server.run)
    thread.start()
    yield server.url.rstrip("/")
    server.stop()
    thread.join(HANG_S)
    site.close()


def asked(url: str) -> urllib3.BaseHTTPResponse:
    token = Path("reader.token").read_text().strip()
    answer = urllib3.request("GET", url, headers={"Authorization": f"Bearer {token}"}, timeout=HANG_S)
    assert answer.status == 200, answer.data
    return answer


def filled(block: str, address: str) -> str:
    """An address as Grafana asks for it, of three days."""
    for form, (begin, end) in SPAN.items():
        block = block.replace(f"${{__from:{form}}}", begin).replace(f"${{__to:{form}}}", end)
    assert "$" not in block
    return block.strip().replace(PLACE, address)


def test_what_grafana_asks_for_has_the_fields_that_it_is_told(address: str) -> None:
    energy, power = (filled(block, address) for block in blocks("text"))
    days = asked(energy).json()["energy"]
    assert [day["value"] for day in days] == [12_000] * 3
    assert days[0]["begin"] == int(SPAN["date:seconds"][0])
    head, *rows = asked(power).data.decode().splitlines()
    named = re.findall(r"^\| column `([^`]+)`", PAGE, re.MULTILINE)
    assert named == ["begin", "value", "time", "1-0:1.7.0 [W]"]
    assert set(named[2:]) <= set(head.split(","))
    assert len(rows) == 48


def test_what_home_assistant_takes_from_an_answer_is_there(address: str) -> None:
    settings = next(block for block in blocks("yaml") if block.startswith("rest:"))
    (resource,) = re.findall(r"resource: (\S+)", settings)
    answer = asked(resource.replace(PLACE, address)).json()
    templates = re.findall(r'value_template: "(.*)"', settings)
    assert [Environment(autoescape=False).from_string(one).render(value_json=answer) for one in templates] == [  # noqa: S701
        "659500",
        "500",
    ]


def test_the_programs_run(address: str) -> None:
    pytest.importorskip("pandas", reason="pandas is not installed")
    programs = blocks("python")
    assert len(programs) == 2
    for program in programs:
        said = StringIO()
        with redirect_stdout(said):
            exec(compile(program.replace(PLACE, address), "docs/dashboards.md", "exec"), {})  # noqa: S102
        assert "500" in said.getvalue() or "12000" in said.getvalue(), said.getvalue()
