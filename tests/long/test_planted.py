"""Twelve faults, each planted in a copy of the checkout: the tests of `make test` find every one of them.

A fault is a patch in planted/, with a line above it that says what is wrong then. For each, the tests in LIKELY run on the copy; if
they all pass, everything of `make test` does. What counts is a test that fails, never one that could not be collected or set up.
"""

from pathlib import Path

import pytest

from tests.rigs.planting import PLANTED, copied, outcome, plant

TIERS = ("tests/unit", "tests/service", "tests/vm", "tests/system")
LIKELY = {
    "ack-before-commit": "tests/system/durability/test_power_cuts.py",
    "synchronous-normal": "tests/system/durability/test_power_cuts.py",
    "receipt-not-checked": "tests/service/relay/test_forward.py",
    "replay-forgotten": "tests/service/relay/test_restart.py",
    "dedup-off": "tests/unit/relay/test_ingest.py",
    "route-not-written": "tests/unit/node/test_files.py",
    "spool-reversed": "tests/unit/node/test_spool.py",
    "grant-ignored-on-csv": "tests/service/remote/test_sharing.py",
    "quarantine-dropped": "tests/service/remote/test_ingest.py",
    "served-are-scored": "tests/unit/remote/test_election.py",
    "busy-ignored": "tests/unit/node/test_uplink_routes.py",
    "epoch-not-counted": "tests/unit/node/test_files.py",
}


def test_each_fault_has_its_likely_tests() -> None:
    assert {patch.stem for patch in PLANTED.glob("*.patch")} == set(LIKELY)
    assert len(LIKELY) == 12


def test_without_a_fault_the_same_tests_pass(tmp_path: Path) -> None:
    found = outcome(copied(tmp_path), sorted(set(LIKELY.values())))
    assert not found.failed + found.broken, found.said[-5000:]
    assert found.passed >= len(set(LIKELY.values()))


@pytest.mark.parametrize("name", LIKELY)
def test_is_caught(name: str, tmp_path: Path) -> None:
    copy = copied(tmp_path)
    what = plant(name, copy)
    found = outcome(copy, [LIKELY[name]], "--maxfail=1")
    if not found.failed:
        assert not found.broken, f"{name}: not a test failed, but what comes before it\n{found.said[-5000:]}"
        found = outcome(copy, list(TIERS), "--maxfail=1")
    assert found.failed, f"{name} is not caught. {what}\n{found.said[-3000:]}"
    print(f"\n{name}: caught by {found.failed[0]}. {what}")
