"""docs/security.md names tests that are there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NAMED = sorted(set(re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", (ROOT / "docs/security.md").read_text(encoding="utf-8"))))


def test_each_line_of_what_they_cannot_do_names_a_test() -> None:
    table = (ROOT / "docs/security.md").read_text(encoding="utf-8").split("## What they can\n")[0]
    lines = [line for line in table.splitlines() if line.startswith("| ") and not line.startswith(("| who |", "| ---"))]
    assert len(lines) >= 30
    assert [line for line in lines if "::test_" not in line.rsplit("|", 2)[1]] == []


@pytest.mark.parametrize(("path", "name"), NAMED)
def test_it_is_there(path: str, name: str) -> None:
    assert re.search(rf"^ *def {name}\(", (ROOT / path).read_text(encoding="utf-8"), re.MULTILINE)
