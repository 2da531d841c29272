"""Headless Chromium, for tests that look at pages."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from gridecho_bench import chromium as browsers
from gridecho_bench.relay_child import RelayBenchError
from selenium import webdriver

from tests.rigs.waiting import HANG_S


@contextmanager
def chromium(folder: Path) -> Iterator[webdriver.Chrome]:
    """A browser with its files in a folder; skips where there is none."""
    try:
        started = browsers.chromium(folder, HANG_S)
        browser = started.__enter__()
    except RelayBenchError as missing:
        pytest.skip(str(missing))
    try:
        yield browser
    finally:
        started.__exit__(None, None, None)
