"""docs/testing.md names tests: each of them is there."""

import re

import pytest

from tests.rigs.places import REPOSITORY

NAMED = sorted(set(re.findall(r"\b(?:tests|hil_tests)/[\w/]+(?:\.py)?", (REPOSITORY / "docs/testing.md").read_text())))


@pytest.mark.parametrize("path", NAMED)
def test_what_the_guide_names_is_there(path: str) -> None:
    assert (REPOSITORY / path).exists()


def test_it_names_many() -> None:
    assert len(NAMED) > 40
