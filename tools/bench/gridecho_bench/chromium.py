"""Headless Chromium, for who looks at pages: the bench here, and tests of pages (tests/rigs/chrome.py)."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from .relay_child import RelayBenchError

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

_FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars",
    "--window-size=1280,900",
)  # fmt: skip


@contextmanager
def chromium(folder: Path, wait_s: float) -> Iterator["Chrome"]:
    """A browser with its files in a folder; a page or a script has `wait_s`. Raises RelayBenchError where there is none."""
    try:
        from selenium import webdriver
        from selenium.webdriver.chrome.options import Options
        from selenium.webdriver.chrome.service import Service
    except ModuleNotFoundError as error:
        raise RelayBenchError("a browser is driven by selenium: pip install 'gridecho[dev]'", 2) from error
    browser, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not browser or not driver:
        raise RelayBenchError("Debian's packages chromium and chromium-driver are not installed", 2)
    options = Options()
    options.binary_location = browser
    for flag in (*_FLAGS, f"--user-data-dir={folder}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    started = webdriver.Chrome(options, Service(driver))
    try:
        started.set_script_timeout(wait_s)
        started.set_page_load_timeout(wait_s)
        yield started
    finally:
        started.quit()
