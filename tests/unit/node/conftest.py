"""What a sensor does on a board does not cost more because of what else tests have loaded here."""

import gc
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True, scope="module")
def small_heap() -> Iterator[None]:
    """A sensor collects its garbage at every quiet point: what is in this process already is left out of that."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()
