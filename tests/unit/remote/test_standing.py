"""How a sensor stands, by the age of its newest reading."""

import numpy as np
import pytest
from gridecho_remote.rules.standing import REPORTING_S, SILENT_S, WORDS, Standing, standing, standings

NOW = 1_800_000_000


@pytest.mark.parametrize(
    ("age_s", "stands"),
    [
        (-60, "reporting"),
        (0, "reporting"),
        (REPORTING_S - 1, "reporting"),
        (REPORTING_S, "late"),
        (SILENT_S - 1, "late"),
        (SILENT_S, "silent"),
        (NOW - 1, "silent"),
    ],
)
def test_by_the_age(age_s: int, stands: str) -> None:
    assert standing(NOW - age_s, NOW).word == stands


def test_of_one_that_never_told_anything_and_of_many() -> None:
    assert standing(None, NOW) is Standing.SILENT
    found = standings(np.array([NOW, NOW - 7_200, 0], np.int64), NOW)
    assert found.tolist() == [Standing.REPORTING, Standing.LATE, Standing.SILENT]
    assert list(WORDS) == ["reporting", "late", "silent"], "what is hidden is nothing to ask for"
