"""What all tests share: the line that says how many of the core's tests ran on which runtime."""

import pytest

VM_RAN = pytest.StashKey[dict[str, int]]()  # file: how many of its tests ran on MicroPython


def pytest_configure(config: pytest.Config) -> None:
    config.stash[VM_RAN] = {}


@pytest.fixture
def core_on_vm(request: pytest.FixtureRequest) -> dict[str, int]:
    """Where test_core_on_vm.py writes how many tests of a file ran on MicroPython."""
    return request.config.stash[VM_RAN]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    reports = [report for outcome in ("passed", "failed") for report in terminalreporter.stats.get(outcome, [])]
    here = {report.nodeid for report in reports if report.nodeid.startswith("tests/core/")}
    there = sum(config.stash[VM_RAN].values())
    if here or there:
        terminalreporter.write_line(f"core tests: {len(here)} on CPython, {there} on MicroPython")
