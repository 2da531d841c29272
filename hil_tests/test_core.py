"""The core's own tests (tests/unit/core) on the board: each file after a soft reset, so that each has the whole heap."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from gridecho_flash.image import compile_mpy
from gridecho_flash.link import Link
from gridecho_flash.manifest import firmware_root, read_list

from tests.rigs.places import REPOSITORY
from tests.rigs.vm import names_on_cpython

FILES = sorted((REPOSITORY / "tests/unit/core").glob("test_*.py"))


@pytest.fixture(scope="module")
def link(port: tuple[str, bool], first_run: dict[str, object]) -> Iterator[Link]:
    """The board with the tests on it, in /hilcore; what only hosts have of the core is in /lib for that time."""
    root = firmware_root()
    guests = {
        path.removesuffix(".py") + ".mpy": compile_mpy((root / path).read_bytes(), path)
        for path in read_list(root, "HOST_ONLY")
        if not path.endswith("_host.py")  # around a library of CPython; boards take their own construction
    }
    tests = {f"hilcore/unit/core/{file.stem}.mpy": compile_mpy(file.read_bytes(), file.name) for file in FILES}
    runner = REPOSITORY / "tests/vm/unittest.py"
    tests["hilcore/unit/core/unittest.mpy"] = compile_mpy(runner.read_bytes(), runner.name)
    vectors = {
        f"hilcore/vectors/{file.name}": file.read_bytes() for file in (REPOSITORY / "tests/vectors").glob("*.json")
    }
    with Link(port[0]) as board:
        board.soft_reset()
        there = {**guests, **tests, **vectors}
        for path, content in there.items():
            board.put(path, content)
        yield board
        board.soft_reset()
        for path in there:
            board.call(f"remove({path!r})")
        board.call("[os.rmdir(f) for f in ('hilcore/unit/core', 'hilcore/unit', 'hilcore/vectors', 'hilcore')]")


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_file(link: Link, file: Path) -> None:
    link.soft_reset()
    said = link.run(
        f"import sys\nsys.path[:0] = ['/hilcore/unit/core']\nimport unittest\nunittest.run(__import__({file.stem!r}))",
        quiet_s=180,
    )
    expected = names_on_cpython(file.relative_to(REPOSITORY).as_posix())
    assert set(re.findall(r"^ok (\S+)", said, re.MULTILINE)) == expected, said
    assert f"ran {len(expected)}, bad 0, skipped 0" in said
    assert expected
