"""docs/security.md names tests that are there."""

import re
from collections import Counter
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


def test_each_line_of_the_standard_is_met_or_says_why_not() -> None:
    table = (ROOT / "docs/security.md").read_text(encoding="utf-8").split("## OWASP ASVS")[1]
    lines = [
        [cell.strip() for cell in line.strip("| ").split(" | ", 2)]
        for line in table.splitlines()
        if re.match(r"\| \d", line)
    ]
    numbers = [number for numbers, *_ in lines for number in numbers.split(", ")]
    assert len(numbers) == len(set(numbers))
    chapters = Counter(number.partition(".")[0] for number in numbers)
    assert chapters == {"6": 35, "7": 18, "8": 7, "9": 7, "10": 29, "16": 16}, "levels 1 and 2 of version 5.0.0"
    for number, _, how in lines:
        assert how.startswith(("met", "not met", "does not apply")), number
        if how.startswith("met"):
            assert "::test_" in how or "](remote.md#" in how, number
        elif how.startswith(("not met", "does not apply")):
            assert len(how) > len("does not apply: "), number
