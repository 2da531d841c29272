"""The manual's languages and pictures: what is typed is the same in both, and each picture is one that `make screenshots` takes."""

import re
from pathlib import Path

import pytest

from tests.rigs.places import REPOSITORY
from tests.rigs.screenshots import FOLDER, MOST_BYTES, PICTURES

DOCS = REPOSITORY / "docs"
CHINESE = sorted(DOCS.glob("*.zh.md"))
_FENCE = re.compile(r"^```\w*\n.*?^```$", re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("page", CHINESE, ids=lambda page: page.name)
def test_a_page_in_chinese_shows_the_same_commands_and_headings(page: Path) -> None:
    english = page.with_name(page.name.replace(".zh.md", ".md")).read_text(encoding="utf-8")
    chinese = page.read_text(encoding="utf-8")
    assert _FENCE.findall(chinese) == _FENCE.findall(english)
    assert len(re.findall(r"^## ", _FENCE.sub("", chinese), re.MULTILINE)) == len(
        re.findall(r"^## ", _FENCE.sub("", english), re.MULTILINE)
    )


def test_what_users_read_is_in_chinese_too() -> None:
    assert {"api", "index", "pages", "quickstart", "refused", "share"} <= {page.name.split(".")[0] for page in CHINESE}


def test_each_picture_of_a_page_is_taken_by_the_command() -> None:
    names = [one.name for one in PICTURES]
    assert len(set(names)) == len(names)
    shown = {
        Path(one).stem
        for page in DOCS.rglob("*.md")
        for one in re.findall(r"\]\(pictures/([\w.-]+)\)", page.read_text(encoding="utf-8"))
    }
    assert shown
    assert shown <= set(names)
    there = {path.stem: path.stat().st_size for path in FOLDER.glob("*.webp")}
    assert shown <= set(there)
    assert set(there) <= set(names), "make screenshots removes what is not named any more"
    assert sum(there.values()) <= MOST_BYTES
