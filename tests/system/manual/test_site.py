"""The manual as a site: it builds without a warning, has nothing of others, and its search finds words in both languages."""

import functools
import http.server
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from tests.rigs.chrome import chromium
from tests.rigs.places import REPOSITORY
from tests.rigs.waiting import HANG_S

# What a browser fetches by itself when it shows a page, as against a link that somebody follows.
_FETCHED = re.compile(
    r"<(?:script|img|iframe|source|video|audio|embed|input)\b[^>]*\ssrc=[\"']?(https?:)?//|"
    r"<link\b(?=[^>]*rel=[\"']?(?:stylesheet|preconnect|preload|icon))[^>]*href=[\"']?(?:https?:)?//|"
    r"url\([\"']?(?:https?:)?//|@import [\"'](?:https?:)?//"
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The manual, built as `make docs` does."""
    folder = tmp_path_factory.mktemp("manual")
    command = [
        sys.executable,
        "-W",
        "ignore",
        "-m",
        "mkdocs",
        "build",
        "--quiet",
        "--strict",
        "--site-dir",
        str(folder),
    ]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=4 * HANG_S, check=False)
    assert done.returncode == 0, done.stderr
    return folder


def test_every_page_is_in_the_navigation(site: Path) -> None:
    pages = {path.relative_to(REPOSITORY / "docs") for path in (REPOSITORY / "docs").rglob("*.md")}
    shown = set(re.findall(r"[\w/.-]+\.md", (REPOSITORY / "mkdocs.yml").read_text(encoding="utf-8")))
    assert {path.as_posix() for path in pages if not path.name.endswith(".zh.md")} == shown
    for path in pages:
        assert path.name.endswith(".zh.md") or (site / path).with_suffix(".html").exists() or path.name == "README.md"


def test_nothing_of_others_is_fetched(site: Path) -> None:
    files = [path for kind in ("html", "css") for path in site.rglob(f"*.{kind}")]
    assert len(files) > 50
    for path in files:
        found = _FETCHED.search(path.read_text(encoding="utf-8"))
        assert found is None, f"{path}: {found[0] if found else ''}"


@pytest.fixture(params=["file", "http"])
def address(request: pytest.FixtureRequest, site: Path) -> Iterator[str]:
    """The manual's address: as files, and from a server."""
    if request.param == "file":
        yield site.as_uri()
        return
    handler = functools.partial(_Quiet, directory=str(site))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join(HANG_S)


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.mark.parametrize(
    ("begin", "asked", "found"),
    [
        ("index.html", "quarantine", "remote.html"),
        ("zh/index.html", "quarantine", "remote.html"),  # not translated
        ("zh/index.html", "撤销授权", "zh/quickstart.html"),
        ("zh/index.html", "登记系统", "zh/share.html"),
    ],
)
def test_the_search_finds(address: str, tmp_path: Path, begin: str, asked: str, found: str) -> None:
    with chromium(tmp_path) as browser:
        browser.get(f"{address}/{begin}")
        field = browser.find_element(By.CSS_SELECTOR, "input.md-search__input")
        browser.execute_script("arguments[0].focus()", field)
        field.send_keys(asked)

        def links() -> list[str]:
            return browser.execute_script(
                "return [...document.querySelectorAll('.md-search-result__link')].map((one) => one.href)"
            )

        WebDriverWait(browser, HANG_S, poll_frequency=0.1).until(
            lambda _: any(f"{address}/{found}" == link.split("?")[0].split("#")[0] for link in links())
        )
        complaints = [entry["message"] for entry in browser.get_log("browser")]
        assert not [one for one in complaints if re.search(r"https?://(?!127\.0\.0\.1)", one)]
