"""Each catalogue has all that pages say and nothing else, none of it doubtful, each with the fields of the English."""

import re
from pathlib import Path

import pytest
from gridecho_remote.web.languages import LANGUAGES, catalogue

from tests.rigs.messages import CATALOGUES, read, said

FIELD = re.compile(r"%\(\w+\)s|\{\w+\}")
NAMES = [path.parts[-3] for path in CATALOGUES]


def test_each_language_but_english_has_a_catalogue() -> None:
    assert {"en", *NAMES} == set(LANGUAGES)


@pytest.mark.parametrize("path", CATALOGUES, ids=NAMES)
def test_it_has_what_pages_say(path: Path) -> None:
    there = {message.id: message for message in read(path) if message.id}
    wanted = {message.id for message in said() if message.id}
    assert len(wanted) > 500
    assert set(there) == wanted, "bring it up to date: python -m tests.rigs.messages"
    for message in there.values():
        texts = [message.string] if isinstance(message.string, str) else message.string
        english = message.id if isinstance(message.id, str) else message.id[-1]
        assert all(texts) and not message.fuzzy, message.id
        for text in texts:
            assert set(FIELD.findall(text)) == set(FIELD.findall(english)), message.id


def test_a_catalogue_is_read_as_it_is_written() -> None:
    chinese = catalogue("zh")
    assert chinese.gettext("Log in") == "登录"
    assert chinese.ngettext("{count} sensor", "{count} sensors", 2) == "{count} 个传感器"
