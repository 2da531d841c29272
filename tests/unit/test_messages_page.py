"""docs/messages.md has each message in its present words, and says of each what to do."""

import re
from io import BytesIO

import pytest
from babel.messages.pofile import read_po
from gridecho_remote.rules.sentences import SENTENCES

from tests.rigs.messages_page import CATALOGUE, LOGS, logged, rows, shown
from tests.rigs.places import REPOSITORY


def test_every_code_of_the_remote_has_its_line() -> None:
    assert set(rows(CATALOGUE)) == set(SENTENCES), "python -m tests.rigs.messages_page brings the page up to date"


@pytest.mark.parametrize("code", SENTENCES)
def test_a_line_has_the_sentence_and_what_to_do(code: str) -> None:
    says, does = rows(CATALOGUE)[code]
    assert says == shown(code), "python -m tests.rigs.messages_page brings the page up to date"
    assert does.strip(), f"{code}: what is to be done?"


def test_every_warning_of_the_logs_has_its_line() -> None:
    events = {event for event, _ in logged()}
    assert len(events) > 40
    assert set(rows(LOGS)) == events
    assert all(says and does for says, does in rows(LOGS).values())


def test_the_page_for_users_has_words_that_pages_have() -> None:
    po = (REPOSITORY / "host/remote/gridecho_remote/translations/zh/LC_MESSAGES/messages.po").read_bytes()
    words = {
        message.id[0] if isinstance(message.id, tuple) else message.id: message for message in read_po(BytesIO(po))
    }
    for name, there in {
        "refused.md": " ".join(str(one) for one in words),
        "refused.zh.md": " ".join(
            one.string if isinstance(one.string, str) else " ".join(one.string) for one in words.values()
        ),
    }.items():
        said = re.findall(r"^\| ([^|]+) \|", (REPOSITORY / "docs" / name).read_text(encoding="utf-8"), re.MULTILINE)
        told = [one for one in said if one not in ("the page says", "页面提示", "---")]
        assert len(told) > 20
        plain = re.sub(r"[\s\W]+", "", there).casefold()
        for one in told:
            for part in re.split(r"\.\.\.|…|\d+|;|;|:|:", one):
                assert re.sub(r"[\s\W]+", "", part).casefold() in plain, f"{name}: no page says {part!r}"
