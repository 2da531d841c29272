"""docs/how.md has each step of the method, with the modules that do it."""

import re

from tests.rigs.places import REPOSITORY

STEPS = ["S1", "S2", "S2a", "S3", "S3a", "S3b", "S3c", "S4", "S4a", "S4b"]


def test_each_step_has_its_row_and_its_modules_are_there() -> None:
    text = (REPOSITORY / "docs/how.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (S\w+) \|(.*)\|$", text, re.MULTILINE)
    assert [step for step, _ in rows] == STEPS
    for step, row in rows:
        modules = re.findall(r"`((?:firmware|host)/[\w/]+\.py)`", row)
        assert modules, step
        for module in modules:
            assert (REPOSITORY / module).exists(), f"{step}: {module}"
    picture = (REPOSITORY / "docs/assets/how.svg").read_text(encoding="utf-8")
    shown = re.findall(r"\bS\d\w?\b", picture)
    assert set(shown) >= set(STEPS) - {"S3"}
