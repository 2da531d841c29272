"""schemathesis for ten minutes each as nobody, as a user and as an administrator, with a new city every minute or so."""

import time
from pathlib import Path

import pytest

from tests.rigs.api_city import City
from tests.rigs.api_fuzz import fuzz
from tests.rigs.fleet import Fleet

MINUTES, EXAMPLES = 10, 60
MOST_S = 10.0  # of an answer; nothing waits for a relay here


def within(name: str, took_s: float) -> None:
    assert took_s <= MOST_S, f"{name}: {took_s:.1f} s"


@pytest.mark.parametrize("who", ["nobody", "ulf", "anna"])
def test_every_answer_is_one_that_the_document_tells_of(tmp_path: Path, who: str) -> None:
    end_s, number, calls = time.monotonic() + 60 * MINUTES, 0, 0
    while time.monotonic() < end_s:
        number += 1
        (tmp_path / str(number)).mkdir()
        city = City(Fleet(tmp_path / str(number), api_calls_per_minute=0, downloads_per_user=64))
        calls += sum(fuzz(city, None if who == "nobody" else getattr(city, who), EXAMPLES, number, within).values())
        city.fleet.close()
    print(f"{who}: {calls:,} calls of {number} cities")
