"""schemathesis calls every operation as nobody, as a user and as an administrator: nothing fails, nothing is undocumented."""

from collections.abc import Callable

import pytest

from tests.rigs.api_city import STREAMS, City
from tests.rigs.api_fuzz import fuzz
from tests.rigs.fleet import Fleet

EXAMPLES = 7  # of each operation


@pytest.mark.parametrize("who", ["nobody", "ulf", "anna"])
def test_every_answer_is_one_that_the_document_tells_of(make_fleet: Callable[..., Fleet], who: str) -> None:
    city = City(make_fleet(api_calls_per_minute=0))
    seen = fuzz(city, None if who == "nobody" else getattr(city, who), EXAMPLES, number=20)
    called = {name for name, _ in seen}
    assert called == set(city.operations()) - STREAMS
    good = {name for name, status in seen if status < 300}
    if who == "nobody":
        assert not good
    else:
        assert len(good) > (25 if who == "anna" else 12), good
