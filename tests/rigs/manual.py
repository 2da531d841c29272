"""A page of the manual as its reader takes it: what it has them type, save and do, in order; and a reader who does that.

What stands in a fence of `sh` is typed, in the page's one terminal, one block after the other. A fence of `text` right behind it is
what it prints: each of its lines, in this order, with anything between. A comment before a fence says what is special about it:

    <!-- file: NAME -->            it is saved under that name
    <!-- terminal until: TEXT -->  it is typed in a terminal of its own, where it runs on; the reader goes on when it says TEXT
    <!-- not run: REASON -->       no test can run it here

The items of numbered lists are what is done on pages: a test has a function for each of them.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from gridecho_bench.ports import free_port

from tests.rigs.places import REPOSITORY
from tests.rigs.waiting import HANG_S, wait_for

_MARK = re.compile(r"<!-- (file|terminal until|not run): (.+?) -->")
_PORTS = ("8080", "4690", "4691", "8099")  # in what is typed and in settings; others may listen on these here


@dataclass(frozen=True)
class Item:
    """One thing that the reader does; `kind` is typed, terminal, file, step or not run, and `mark` what its comment says."""

    page: Path
    line: int
    kind: str
    text: str
    mark: str = ""
    prints: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.page.relative_to(REPOSITORY)}:{self.line}"


def items_of(page: Path) -> list[Item]:
    """What a page has its reader do, in order."""
    found: list[Item] = []
    mark: re.Match[str] | None = None
    lines = page.read_text(encoding="utf-8").splitlines()
    at = 0
    while at < len(lines):
        line = lines[at]
        at += 1
        if fence := re.match(r"( *)```(\w*)( .*)?$", line):
            begin = at
            while lines[at].strip() != "```":
                at += 1
            text = "\n".join(one.removeprefix(fence[1]) for one in lines[begin:at]) + "\n"
            at += 1
            if fence[2] == "sh":
                kind = (
                    {"file": "file", "terminal until": "terminal", "not run": "not run"}[mark[1]] if mark else "typed"
                )
                found.append(Item(page, begin, kind, text, mark[2] if mark else ""))
            elif mark:
                assert mark[1] != "terminal until", f"{page}:{begin}: only what is typed runs in a terminal"
                found.append(Item(page, begin, mark[1], text, mark[2]))
            elif fence[2] == "text" and found and begin - found[-1].line <= found[-1].text.count("\n") + 3:
                found[-1] = Item(**vars(found[-1]) | {"prints": tuple(text.splitlines())})
            mark = None
        elif comment := _MARK.fullmatch(line.strip()):
            assert mark is None, f"{page}:{at}: two marks for one fence"
            mark = comment
        elif line.strip():
            assert mark is None, f"{page}:{at}: a mark stands right before its fence"
            if step := re.match(r"\d+\. (.*)", line):
                text = step[1]
                while at < len(lines) and lines[at].startswith("   ") and lines[at].strip():
                    text += " " + lines[at].strip()
                    at += 1
                found.append(Item(page, at, "step", text))
    return found


class Reader:
    """Types what a page shows, in an empty folder; `said` is all that was printed so far, of all terminals.

    `means` says what stands for a placeholder: a text, or a function of all that was said.
    """

    def __init__(self, folder: Path, means: Mapping[str, str | Callable[[str], str]] | None = None) -> None:
        self.folder = folder
        self._means = means or {}
        self._away = folder.with_name(f"{folder.name}-reader")
        self._away.mkdir()
        self._ports = {port: str(free_port()) for port in _PORTS}
        self._count = 0
        programs = self._away / "bin"
        programs.mkdir()
        for name, words in (("gridecho", "-m gridecho_cli"), ("mpremote", "-m mpremote"), ("python", "")):
            (programs / name).write_text(f'#!/bin/sh\nexec {sys.executable} {words} "$@"\n')
            (programs / name).chmod(0o755)
        uv = Path(sys.executable).with_name("uv")
        if uv.exists():  # packages are there in seconds
            (programs / "uv").symlink_to(uv)
        bash = shutil.which("bash")
        if bash is None:
            pytest.skip("bash is not installed")
        self._bash = bash
        kept = {name: text for name, text in os.environ.items() if not name.startswith(("VIRTUAL_ENV", "GRIDECHO"))}
        self._environment = kept | {"PATH": f"{programs}:{os.environ['PATH']}", "HOME": str(folder)}
        changes = " ".join(f"-e s/{port}/{free}/g" for port, free in self._ports.items())
        # As what is typed, what commands have by default and settings that they make name ports that are free here.
        self._prelude = f"""gridecho() {{
  case " $* " in *" --remote "*) ;; *" relay init "*) set -- "$@" --remote http://127.0.0.1:{self._ports["8080"]} ;; esac
  command gridecho "$@" || return
  case " $* " in *" init "*) find . -maxdepth 2 -name "re*.toml" -exec sed -i {changes} {{}} + ;; esac
}}
"""
        self._others: list[subprocess.Popen[bytes]] = []
        with (self._away / "said-00").open("wb") as said:
            self._shell = subprocess.Popen(
                [bash, "-eu"],
                cwd=folder,
                env=self._environment,
                stdin=subprocess.PIPE,
                stdout=said,
                stderr=said,
                start_new_session=True,
            )
        self._send(self._prelude)

    @property
    def said(self) -> str:
        return "".join(map(_plain, sorted(self._away.glob("said-*"))))

    def port(self, port: str) -> str:
        """The one that stands for a port of the manual here."""
        return self._ports[port]

    def meant(self, text: str) -> str:
        for word, meaning in self._means.items():
            place = rf"(?<!\w){re.escape(word)}(?!\w)"
            if re.search(place, text):
                text = re.sub(place, meaning if isinstance(meaning, str) else meaning(self.said), text)
        for port, free in self._ports.items():
            text = re.sub(rf"\b{port}\b", free, text)
        return text

    def does(self, item: Item) -> None:
        """What is no step on a page. Raises AssertionError where it fails or prints something else."""
        text = self.meant(item.text)
        if item.kind == "file":
            (self.here() / item.mark).write_text(text)
        elif item.kind == "terminal":
            self._begin(item, text)
        elif item.kind == "typed":
            printed = self._type(item, text)
            at = 0
            for line in item.prints:
                wanted = self.meant(line)
                found = printed.find(wanted, at)
                assert found >= 0, (
                    f"{item}: {wanted!r} was to be printed, in its place, by:\n{text}\nand this was:\n{printed}"
                )
                at = found + len(wanted)

    def here(self) -> Path:
        """Where the page's terminal is."""
        return Path(f"/proc/{self._shell.pid}/cwd").resolve()

    def _send(self, text: str) -> None:
        assert self._shell.stdin is not None
        self._shell.stdin.write(text.encode())
        self._shell.stdin.flush()

    def _type(self, item: Item, text: str) -> str:
        self._count += 1
        block = self._away / f"block-{self._count:02}"
        block.write_text(text)
        said, done = self._away / f"said-{self._count:02}-typed", self._away / f"done-{self._count:02}"
        self._send(f". {block} </dev/null >{said} 2>&1; : >{done}\n")
        wait_for(lambda: done.exists() or self._shell.poll() is not None, f"the end of {item}", hang_s=4 * HANG_S)
        printed = said.read_text(errors="replace") if said.exists() else ""
        assert done.exists(), f"{item}: this failed:\n{text}\nIt said:\n{printed[-3000:]}\nBefore:\n{self.said[-3000:]}"
        return printed

    def _begin(self, item: Item, text: str) -> None:
        self._count += 1
        said = self._away / f"said-{self._count:02}-terminal"
        ours, theirs = os.openpty()  # some programs say more at a terminal
        process = subprocess.Popen(
            [self._bash, "-euc", self._prelude + text],
            cwd=self.folder,
            env=self._environment | {"TERM": "xterm", "COLUMNS": "200", "LINES": "60"},
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)
        self._others.append(process)
        threading.Thread(target=_copy, args=(ours, said), daemon=True).start()

        def told() -> bool:
            printed = _plain(said)
            assert process.poll() is None, f"{item}: this ended:\n{text}\nIt said:\n{printed[-3000:]}"
            return item.mark in printed

        wait_for(told, f"{item}: {item.mark!r}", hang_s=4 * HANG_S)

    def interrupt(self) -> None:
        """Ctrl-C in the terminal that was opened last."""
        process = self._others.pop()
        os.killpg(process.pid, signal.SIGINT)
        process.wait(HANG_S)

    def leave(self) -> None:
        """Ends all that was started, by group."""
        if self._shell.stdin is not None:
            self._shell.stdin.close()
        for process in [*reversed(self._others), self._shell]:
            for sign in (signal.SIGTERM, signal.SIGKILL):
                try:
                    os.killpg(process.pid, sign)
                    process.wait(HANG_S if sign == signal.SIGTERM else None)
                except (ProcessLookupError, subprocess.TimeoutExpired):
                    continue


def _copy(terminal: int, said: Path) -> None:
    with said.open("wb", buffering=0) as file:
        while True:
            try:
                some = os.read(terminal, 65536)
            except OSError:  # the last process at it is gone
                break
            if not some:
                break
            file.write(some)
    os.close(terminal)


def _plain(said: Path) -> str:
    """What was said, without a terminal's colours and moves."""
    if not said.exists():
        return ""
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", said.read_text(errors="replace")).replace("\r\n", "\n")


@contextmanager
def reader(folder: Path, means: Mapping[str, str | Callable[[str], str]] | None = None) -> Iterator[Reader]:
    """A reader in a folder, which is made if it is not there."""
    folder.mkdir(exist_ok=True)
    one = Reader(folder, means)
    try:
        yield one
    finally:
        one.leave()


def last(pattern: str) -> Callable[[str], str]:
    """What a pattern's group matched last in all that was said."""

    def found(said: str) -> str:
        every = re.findall(pattern, said)
        assert every, f"nothing of the form {pattern} was said:\n{said[-3000:]}"
        return str(every[-1])

    return found
