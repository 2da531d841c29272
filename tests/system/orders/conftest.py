"""One site for all tests of orders."""

from collections.abc import Iterator

import pytest

from tests.rigs.orders_site import Site
from tests.rigs.vm import skip_without_vm


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    skip_without_vm()
    site = Site(tmp_path_factory.mktemp("site"))
    yield site
    site.close()
