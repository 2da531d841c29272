"""The scripts of the remote's pages: short, whole, and each sentence under a name by which a page may hand over another."""

import re
from itertools import chain
from pathlib import Path

import pytest
from gridecho_remote import app
from gridecho_remote.pages import language

STATIC = Path(app.__file__).with_name("static")
OURS = {path: path.read_text() for path in STATIC.rglob("*.js") if "vendor" not in path.parts}
SPEAKING = {path: text for path, text in OURS.items() if "const WORDS" in text}


def words_of(text: str) -> dict[str, str]:
    """A script's sentences by name."""
    return dict(
        re.findall(r'^\s*(?:const WORDS = \{ )?(\w+): "([^"]*)",', text.split("...handedOver")[0], re.MULTILINE)
    )


def test_no_script_is_long_and_each_import_is_there() -> None:
    assert len(OURS) > 10
    for path, text in OURS.items():
        assert len(text.splitlines()) <= 300, path
        for name in re.findall(r'(?:from |import\()"(\.[^"]+)"', text):
            assert (path.parent / name).resolve() in OURS, (path, name)


def test_each_name_of_a_sentence_has_one_meaning_on_a_page() -> None:
    for page, count in (("sensor", 25), ("compare", 8)):
        names = list(chain.from_iterable(words_of(text) for path, text in SPEAKING.items() if path.parent.name == page))
        assert len(names) > count
        assert len(names) == len(set(names))


@pytest.mark.parametrize("path", SPEAKING, ids=lambda path: path.name)
def test_each_sentence_is_said_with_what_it_names(path: Path) -> None:
    text = SPEAKING[path]
    words = words_of(text)
    assert words
    said = text.split("...handedOver", 1)[1]
    for name, sentence in words.items():
        assert re.search(rf'WORDS\.{name}\b|"{name}"', said) or "WORDS[" in said, name
        for field in re.findall(r"\{(\w+)\}", sentence):
            assert re.search(rf"\b{field}\b", said), (name, field)


def test_what_is_handed_over_takes_the_place_of_the_english() -> None:
    assert len(SPEAKING) >= 6
    for path, text in SPEAKING.items():
        assert re.search(r"\.\.\.handedOver,?\s*\};", text), path  # the last one wins


@pytest.mark.parametrize(
    ("page", "folder"),
    [("sensor", STATIC / "sensor"), ("compare", STATIC / "compare"), ("group", STATIC), ("copy", STATIC)],
)
def test_a_page_hands_over_each_sentence_of_its_scripts(
    monkeypatch: pytest.MonkeyPatch, page: str, folder: Path
) -> None:
    names = {"group": "groups.js", "copy": "copy.js"}
    spoken = [
        words_of(text)
        for path, text in SPEAKING.items()
        if path.parent == folder and path.name == names.get(page, path.name)
    ]
    monkeypatch.setattr(language, "gettext", str)
    assert language.words_of(page) == {name: text for one in spoken for name, text in one.items()}
