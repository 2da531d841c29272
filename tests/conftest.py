"""How tests run side by side. A test's folder says its tier and what it shares; nothing else marks it."""

import signal
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import hypothesis
import pytest

from tests.rigs.postgres import postgres

__all__ = ("postgres",)

hypothesis.settings.register_profile("gridecho", deadline=None)  # no test judges how fast this machine is
hypothesis.settings.load_profile("gridecho")

# Whoever starts the tests in the background makes every process below deaf to Ctrl-C, which some tests type.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

_TESTS = Path(__file__).parent
_FIRST = ("system", "vm", "service", "unit")  # the longest begin first, so that no worker ends alone


@cache
def _group(file: Path) -> str:
    """What one worker runs, one test after another: a file, or a folder whose conftest.py keeps something for the session."""
    conftest = file.parent / "conftest.py"
    keeps = conftest.exists() and 'scope="session"' in conftest.read_text(encoding="utf-8")
    return (file.parent if keeps else file).relative_to(_TESTS.parent).as_posix()


def _order(item: pytest.Item) -> int:
    tier = item.path.relative_to(_TESTS).parts[0] if item.path.is_relative_to(_TESTS) else "system"
    return _FIRST.index(tier) if tier in _FIRST else len(_FIRST)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> Iterator[None]:
    for item in items:
        item.add_marker(pytest.mark.xdist_group(_group(item.path)))
    yield  # pytest-randomly shuffles them
    items.sort(key=_order)
