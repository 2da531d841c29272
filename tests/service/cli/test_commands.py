"""Every command of `gridecho`, found by itself: help with an example, lazy loading, exit codes; and what the docs show is real."""

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from gridecho_cli import COMMANDS, main

from tests.rigs.places import REPOSITORY
from tests.rigs.waiting import HANG_S

PAGES = sorted([*REPOSITORY.glob("*.md"), *REPOSITORY.glob("docs/**/*.md")])


def walk(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command and group below `command`, with the words that call it."""
    yield path, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert below is not None
            yield from walk(below, (*path, name))


ALL = dict(walk(main))
LEAVES = {path: command for path, command in ALL.items() if not isinstance(command, click.Group)}


def test_there_are_commands() -> None:
    assert len(LEAVES) > 20


@pytest.mark.parametrize("path", LEAVES, ids=" ".join)
def test_help_has_a_summary_and_an_example(path: tuple[str, ...]) -> None:
    shown = CliRunner().invoke(main, [*path, "--help"])
    assert shown.exit_code == 0
    assert "Example" in shown.output
    assert LEAVES[path].get_short_help_str(limit=200)
    undescribed = [p.name for p in LEAVES[path].params if isinstance(p, click.Option) and not p.help]
    assert not undescribed


@pytest.mark.parametrize("path", ALL, ids=lambda path: " ".join(path) or "gridecho")
def test_an_unknown_option_is_exit_code_2(path: tuple[str, ...]) -> None:
    assert CliRunner().invoke(main, [*path, "--no-such-option"]).exit_code == 2


def test_the_umbrella_says_what_each_command_does() -> None:
    shown = " ".join(CliRunner().invoke(main, ["--help"]).output.split())
    for name, (_, _, line) in COMMANDS.items():
        assert f"{name} {line}" in shown


def test_help_loads_no_command() -> None:
    code = "import sys; from gridecho_cli import main; main(['--help'], standalone_mode=False); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=HANG_S, check=True)
    loaded = set(done.stdout.split())
    assert not {module.split(".")[0] for module, _, _ in COMMANDS.values()} & loaded


def shown_commands() -> list[tuple[str, str]]:
    """(page, line) of each `gridecho ...` line in an indented or fenced block, with its continuation lines."""
    found = []
    for page in PAGES:
        text = re.sub(r"\\\n\s*", " ", page.read_text(encoding="utf-8"))
        fenced = False
        for line in text.splitlines():
            if line.startswith("```"):
                fenced = not fenced
            elif (fenced or line.startswith("    ")) and re.match(r"\s*(\$ )?gridecho [a-z]", line):
                found.append((page.name, line.strip().removeprefix("$ ")))
    return found


def named_commands() -> list[tuple[str, str]]:
    """(page, command) of each `gridecho ...` within a sentence; a board's own words begin likewise."""
    return [
        (page.name, command)
        for page in PAGES
        for command in re.findall(r"`(gridecho [a-z][^`\n]*)`", page.read_text(encoding="utf-8"))
        if not command.startswith("gridecho cannot start")
    ]


@pytest.mark.parametrize(("page", "line"), [*shown_commands(), *named_commands()])
def test_commands_in_the_docs_are_real(page: str, line: str) -> None:
    words = shlex.split(line, comments=True)[1:]
    words = words[: next((i for i, word in enumerate(words) if word in ("|", "&", "&&", ">")), len(words))]
    command: click.Command = main
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        below = command.get_command(click.Context(command), words[0])
        assert below is not None, f"{page}: no command {words[0]}"
        command, words = below, words[1:]
    known = {name for param in command.params for name in (*param.opts, *param.secondary_opts)} | {"--help", "-h"}
    options = [word.split("=")[0] for word in words if word.startswith("-") and len(word) > 1]
    assert not [option for option in options if option not in known], f"{page}: {line}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(REPOSITORY).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:|#", target):
            continue
        assert (page.parent / target.split("#")[0]).exists(), target


@pytest.mark.parametrize(
    ("python", "said"),
    [
        ("no-such-python", "apt-get install python3"),
        ("old", "is older than 3.11"),
        ("bare", "apt-get install python3-venv"),
    ],
)
def test_what_is_missing_is_one_sentence_with_what_mends_it(tmp_path: Path, python: str, said: str) -> None:
    fakes = {"old": "exit 1", "bare": 'case "$2" in *venv*) exit 1;; esac'}
    name = python
    if python in fakes:
        fake = tmp_path / python
        fake.write_text(f"#!/bin/sh\n{fakes[python]}\n")
        fake.chmod(0o755)
        name = str(fake)
    command = ["sh", str(REPOSITORY / "tools/setup/check.sh"), name]
    done = subprocess.run(command, capture_output=True, text=True, timeout=HANG_S, check=False)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert said in done.stderr
