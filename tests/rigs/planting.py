"""Faults planted in a copy of the checkout, and what tests of the copy say then."""

import os
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path
from shutil import copyfile
from xml.etree import ElementTree

from tests.rigs.places import REPOSITORY

PLANTED = REPOSITORY / "tests/long/planted"
_HOUR_S = 3600  # all tiers one after the other on a busy machine take less


@dataclass(frozen=True, slots=True)
class Outcome:
    """The names of the tests that failed, and of those that could not be collected or set up; what pytest said."""

    failed: list[str]
    broken: list[str]
    passed: int
    said: str


def copied(folder: Path) -> Path:
    """A copy of the checkout's files as they are now."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    )
    copy = folder / "checkout"
    for name in filter(None, listed.stdout.split("\0")):
        if (REPOSITORY / name).is_file():  # a removed one is listed until that is committed
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            copyfile(REPOSITORY / name, copy / name)
    return copy


def plant(name: str, copy: Path) -> str:
    """Applies a patch of planted/ to the copy; gives the line that says what is wrong now."""
    patch = PLANTED / f"{name}.patch"
    done = subprocess.run(
        ["git", "apply", str(patch)],
        cwd=copy,
        env=os.environ | {"GIT_CEILING_DIRECTORIES": str(copy.parent)},  # the copy is no repository, nor part of one
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, (
        f"tests/long/planted/{name}.patch does not apply any more: plant the same fault in today's code and write the patch anew\n"
        f"{done.stderr}"
    )
    return patch.read_text().splitlines()[0]


def applies(name: str, copy: Path) -> bool:
    """Whether a patch of planted/ is one of this code."""
    patch = PLANTED / f"{name}.patch"
    env = os.environ | {"GIT_CEILING_DIRECTORIES": str(copy.parent)}
    # With a prefix of its own the folder need not be the root of a repository.
    done = subprocess.run(["git", "apply", "--check", str(patch)], cwd=copy, env=env, capture_output=True)
    return done.returncode == 0


def outcome(copy: Path, paths: list[str], *options: str) -> Outcome:
    """Runs tests of the copy on the code of the copy."""
    roots = tomllib.loads((copy / "pyproject.toml").read_text())["tool"]["mypy"]["mypy_path"].split(":")
    env = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "COV_"))}
    env["PYTHONPATH"] = os.pathsep.join(str(copy / root) for root in roots)
    report = copy.parent / "report.xml"
    report.unlink(missing_ok=True)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:randomly"]
    done = subprocess.run(
        [*command, "--junitxml", str(report), *options, *paths],
        cwd=copy,
        env=env,
        capture_output=True,
        text=True,
        timeout=_HOUR_S,
    )
    said = done.stdout + done.stderr
    assert report.exists(), said[-5000:]
    failed, broken, passed = [], [], 0
    for case in ElementTree.parse(report).iter("testcase"):  # noqa: S314 - pytest wrote it just now
        name = f"{case.get('classname')}::{case.get('name')}"
        if case.find("error") is not None:
            broken.append(name)
        elif case.find("failure") is not None:
            failed.append(name)
        elif case.find("skipped") is None:
            passed += 1
    return Outcome(failed, broken, passed, said)
