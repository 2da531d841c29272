"""docs/messages.md: what each message means. `python -m tests.rigs.messages_page` brings its second column up to date.

The first columns are made of the catalogue (rules/sentences.py), the last ones are written by hand: a new code gets a row with
an empty one at the end of its part, to be moved to its place and filled.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from gridecho_remote.rules.sentences import SENTENCES

from tests.rigs.places import REPOSITORY

PAGE = REPOSITORY / "docs/messages.md"
_ROW = re.compile(r"^\| `([a-z0-9-]+)` \| (.*?) \| (.*?) ?\|$", re.MULTILINE)
CATALOGUE, LOGS = "## From the remote", "## In the logs"


def shown(code: str) -> str:
    """A code's sentence as the page has it: what differs from time to time is three dots."""
    return re.sub(r"\{\w+\}", "…", SENTENCES[code]).replace("|", "\\|")


def rows(part: str) -> dict[str, tuple[str, str]]:
    """Of a part of the page: code -> its two other columns."""
    text = PAGE.read_text(encoding="utf-8").split(f"{part}\n")[1].split("\n## ")[0]
    found = [row.groups() for row in _ROW.finditer(text)]
    assert len({code for code, _, _ in found}) == len(found), "a code stands there twice"
    return {code: (says, does) for code, says, does in found}


def logged() -> Iterator[tuple[str, Path]]:
    """Each event at which the services' logs warn, by its first word, and where it is."""
    for path in sorted((REPOSITORY / "host").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
                continue
            of = node.func.value
            warns = node.func.attr in ("warning", "error", "exception", "critical")
            if warns and isinstance(of, ast.Name) and of.id in ("log", "logger") and node.args:
                first = node.args[0]
                assert isinstance(first, ast.Constant), f"{path}:{node.lineno}: an event is told by a text"
                event = str(first.value).split()[0]
                if "%" not in event:
                    yield event, path


def main() -> None:
    text = PAGE.read_text(encoding="utf-8")
    head, rest = text.split(f"{CATALOGUE}\n")
    mine, others = rest.split("\n## ", 1)
    there = set(rows(CATALOGUE))

    def renewed(row: re.Match[str]) -> str:
        return f"| `{row[1]}` | {shown(row[1])} | {row[3]} |" if row[1] in SENTENCES else ""

    mine = _ROW.sub(renewed, mine).replace("\n\n\n", "\n\n")
    mine += "".join(f"| `{code}` | {shown(code)} | |\n" for code in SENTENCES if code not in there)
    PAGE.write_text(f"{head}{CATALOGUE}\n{mine}\n## {others}", encoding="utf-8")


if __name__ == "__main__":
    main()
