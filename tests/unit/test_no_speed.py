"""No test judges how fast this machine is: the clocks and pauses that tests may use are all named here, each with its reason."""

import ast
from pathlib import Path

import pytest

from tests.rigs.places import REPOSITORY

_CLOCKS = {"monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns", "process_time", "sleep", "thread_time"}
_FOLDERS = ("tests/unit", "tests/service", "tests/vm", "tests/system", "tests/rigs", "hil_tests")
# File: why it reads a clock of this machine or pauses. tests/long and gridecho bench are where speed is judged.
ALLOWED = {
    "hil_tests/conftest.py": "a real board takes seconds to come up, and says nothing meanwhile",
    "tests/rigs/waiting.py": "the one deadline, which only a hang reaches",
    "tests/system/board/test_vm.py": "a reader that is slower than the board writes",
    "tests/system/demo/test_shim.py": "the delay it is asked for is the least that a round trip takes; there is no most",
}


def uses(tree: ast.AST) -> set[int]:
    """The lines that read a clock or pause, by `time.NAME`, by an alias of it, or by a name imported from time."""
    modules = {"time"}
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            modules |= {alias.asname for alias in node.names if alias.name == "time" and alias.asname}
        elif isinstance(node, ast.ImportFrom) and node.module == "time":
            names |= {alias.asname or alias.name for alias in node.names if alias.name in _CLOCKS}
    return {
        node.lineno
        for node in ast.walk(tree)
        if (
            isinstance(node, ast.Attribute)
            and node.attr in _CLOCKS
            and isinstance(node.value, ast.Name)
            and node.value.id in modules
        )
        or (isinstance(node, ast.Name) and node.id in names)
    }


def found() -> dict[str, set[int]]:
    files = {path for folder in _FOLDERS for path in (REPOSITORY / folder).rglob("*.py")}
    lines = {path.relative_to(REPOSITORY).as_posix(): uses(ast.parse(path.read_bytes())) for path in files}
    return {file: at for file, at in lines.items() if at}


def test_only_these_files_look_at_a_clock() -> None:
    strange = {f"{file}:{line}" for file, lines in found().items() if file not in ALLOWED for line in lines}
    assert not strange, "wait for a condition with tests.rigs.waiting, or judge it in tests/long"


def test_each_that_may_does() -> None:
    assert set(ALLOWED) <= set(found()), "it needs no entry any more"


@pytest.mark.parametrize(
    ("code", "lines"),
    [
        ("import time\ntime.sleep(1)", {2}),
        ("import time as t\nbegun = t.perf_counter()", {2}),
        ("from time import monotonic as now\nassert now() < 3", {2}),
        ("import time\nutc_s = time.time()", set()),
        ("sleep = None\nsleep", set()),
    ],
)
def test_it_sees_what_it_should(code: str, lines: set[int]) -> None:
    assert uses(ast.parse(code)) == lines


def test_the_folders_are_there() -> None:
    assert all(Path(REPOSITORY, folder).is_dir() for folder in _FOLDERS)
