"""No test judges how fast this machine is: the clocks and pauses that tests may use are all named here, each with its reason."""

import ast

import pytest

from tests.rigs.places import REPOSITORY

_CLOCKS = {"monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns", "process_time", "sleep", "thread_time"}
_TIERS = ("tests/unit", "tests/service", "tests/vm", "tests/system", "hil_tests")
# File: why it reads a clock of this machine or pauses. tests/long and gridecho bench are where speed is judged.
ALLOWED = {
    "hil_tests/conftest.py": "a real board takes seconds to come up, and says nothing meanwhile",
    "tests/system/board/test_vm.py": "a reader that is slower than the board writes",
    "tests/system/demo/test_shim.py": "the delay it is asked for is the least that a round trip takes; there is no most",
}
# Rigs make loads in real time, so they may look at a clock, but what a test is judged by may not come from it.
ALLOWED_TO_JUDGE = {"tests/rigs/waiting.py": "the one deadline, which only a hang reaches"}


class Uses:
    """Where a file reads a clock or pauses, and where it asserts something about what a clock said."""

    def __init__(self, code: bytes | str) -> None:
        tree = ast.parse(code)
        self._modules = {"time"}
        self._names: set[str] = set()
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                self._modules |= {alias.asname for alias in node.names if alias.name == "time" and alias.asname}
            elif isinstance(node, ast.ImportFrom) and node.module == "time":
                self._names |= {alias.asname or alias.name for alias in node.names if alias.name in _CLOCKS}
        self.lines = {node.lineno for node in ast.walk(tree) if self._is_clock(node)}
        self.judged: set[int] = set()
        for function in ast.walk(tree):
            if isinstance(function, ast.FunctionDef):
                self._judge(function)

    def _is_clock(self, node: ast.AST) -> bool:
        if isinstance(node, ast.Attribute):
            return node.attr in _CLOCKS and isinstance(node.value, ast.Name) and node.value.id in self._modules
        return isinstance(node, ast.Name) and node.id in self._names

    def _judge(self, function: ast.FunctionDef) -> None:
        said: set[str] = set()  # names that hold what a clock said, or are computed from it

        def from_clock(node: ast.AST) -> bool:
            return any(self._is_clock(n) or (isinstance(n, ast.Name) and n.id in said) for n in ast.walk(node))

        for node in ast.walk(function):
            if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None and from_clock(node.value):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                said |= {n.id for target in targets for n in ast.walk(target) if isinstance(n, ast.Name)}
        for node in ast.walk(function):
            fails = isinstance(node, ast.If) and any(isinstance(inner, ast.Raise) for inner in node.body)
            if (isinstance(node, ast.Assert) or fails) and from_clock(node.test):
                self.judged.add(node.lineno)


def uses_in(folders: tuple[str, ...]) -> dict[str, Uses]:
    files = {path for folder in folders for path in (REPOSITORY / folder).rglob("*.py")}
    return {path.relative_to(REPOSITORY).as_posix(): Uses(path.read_bytes()) for path in files}


def test_no_test_looks_at_a_clock() -> None:
    found = {file for file, uses in uses_in(_TIERS).items() if uses.lines}
    assert not found - set(ALLOWED), "wait for a condition with tests.rigs.waiting, or judge it in tests/long"
    assert not set(ALLOWED) - found, "these need no entry any more"


def test_no_rig_judges_by_a_clock() -> None:
    found = {file for file, uses in uses_in(("tests/rigs", *_TIERS)).items() if uses.judged}
    assert found - set(ALLOWED) == set(ALLOWED_TO_JUDGE)


@pytest.mark.parametrize(
    ("code", "lines", "judged"),
    [
        ("import time\ntime.sleep(1)", {2}, set()),
        ("import time as t\ndef f():\n begun = t.perf_counter()\n took = 1 - begun\n assert took < 3", {3}, {5}),
        ("from time import monotonic as now\ndef f():\n assert now() < 3", {3}, {3}),
        ("import time\ndef f():\n if time.monotonic() > 3:\n  raise ValueError", {3}, {3}),
        ("import time\ndef f():\n took = time.monotonic()\n print(took)", {3}, set()),
        ("import time\nutc_s = time.time()", set(), set()),
        ("sleep = None\nsleep", set(), set()),
    ],
)
def test_it_sees_what_it_should(code: str, lines: set[int], judged: set[int]) -> None:
    found = Uses(code)
    assert (found.lines, found.judged) == (lines, judged)


def test_the_folders_are_there() -> None:
    assert all((REPOSITORY / folder).is_dir() for folder in _TIERS)
