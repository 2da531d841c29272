"""Headless Chromium and a remote behind a real port."""

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from gridecho_remote.server import Server
from gridecho_remote.use.site import site_of
from selenium import webdriver

from tests.rigs.chrome import chromium
from tests.rigs.fleet import Fleet
from tests.rigs.visit import Visit
from tests.rigs.waiting import HANG_S


@pytest.fixture(scope="session")
def chrome(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    """One browser for all tests."""
    with chromium(tmp_path_factory.mktemp("chrome")) as started:
        yield started


@pytest.fixture
def browser(chrome: webdriver.Chrome) -> Iterator[webdriver.Chrome]:
    """The browser as it was when it started: a test's cookies, colours, sizes and complaints are its own."""
    yield chrome
    chrome.get("about:blank")
    chrome.execute_cdp_cmd("Network.clearBrowserCookies", {})
    chrome.execute_cdp_cmd("Network.clearBrowserCache", {})
    chrome.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    chrome.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    chrome.get_log("browser")


@pytest.fixture
def screenshots(tmp_path: Path) -> Path:
    folder = Path(os.environ.get("GRIDECHO_SCREENSHOTS") or tmp_path / "screenshots")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[Fleet]:
    fleet = Fleet(tmp_path, now_s=time.time(), listen="127.0.0.1:0", time_zone="Europe/Berlin")
    yield fleet
    fleet.close()


@pytest.fixture
def server(fleet: Fleet) -> Iterator[Server]:
    server = Server(site_of(fleet.settings, fleet.archive))
    thread = threading.Thread(target=server.run)
    thread.start()
    yield server
    server.stop()
    thread.join(HANG_S)
    assert not thread.is_alive()


@pytest.fixture
def visit(browser: webdriver.Chrome, fleet: Fleet, server: Server, screenshots: Path) -> Visit:
    return Visit(browser, fleet, server, screenshots)
