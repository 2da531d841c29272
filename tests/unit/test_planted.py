"""Planted faults are patches of today's code: whoever changes what they touch writes them anew at once, not months later."""

from pathlib import Path

import pytest

from tests.long.test_mended import MENDS
from tests.rigs.places import REPOSITORY
from tests.rigs.planting import PLANTED, applies

PATCHES = sorted(path.relative_to(PLANTED).with_suffix("") for path in PLANTED.rglob("*.patch"))


@pytest.mark.parametrize("name", PATCHES, ids=str)
def test_each_applies(name: Path) -> None:
    assert applies(str(name), REPOSITORY), f"write tests/long/planted/{name}.patch anew, for the code as it is now"


@pytest.mark.parametrize("name", MENDS)
def test_each_test_that_is_to_find_it_is_there(name: str) -> None:
    for test in MENDS[name]:
        file, _, function = test.partition("::")
        assert f"def {function.partition('[')[0]}(" in (REPOSITORY / file).read_text(encoding="utf-8"), test


def test_one_of_other_code_does_not(tmp_path: Path) -> None:
    assert not applies(str(PATCHES[0]), tmp_path)
