"""Every error and reason of the remote has a sentence, and every sentence has what it needs; no page shows a command."""

import ast
import json
import string
from collections.abc import Iterator
from pathlib import Path

import gridecho_remote
import pytest
from gridecho_remote.rules import errors
from gridecho_remote.rules.errors import RemoteError
from gridecho_remote.rules.reasons import Reason, kept_reason, reason
from gridecho_remote.rules.sentences import _HINTS, SENTENCES, at_terminal, said, sentence, with_reasons

ERRORS = {name for name, one in vars(errors).items() if isinstance(one, type) and issubclass(one, RemoteError)}
FOLDER = Path(gridecho_remote.__file__).parent


def raised() -> Iterator[tuple[str, str, set[str]]]:
    """(where, code, names of its fields) of each error that the package makes, and the codes of what was not pulled."""
    for path in sorted(FOLDER.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name) or not node.args:
                continue
            fields = {str(keyword.arg) for keyword in node.keywords}
            if node.func.id in ERRORS or node.func.id == "reason":
                for code in ast.walk(node.args[0]):
                    if isinstance(code, ast.Constant) and isinstance(code.value, str):
                        yield f"{path.name}:{node.lineno}", code.value, fields
            elif node.func.id == "Outcome" and isinstance(last := node.args[-1], ast.Constant) and last.value != 0:
                yield f"{path.name}:{node.lineno}", str(last.value), set()


def wanted(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def test_each_error_has_a_sentence_and_gives_what_it_names() -> None:
    found = list(raised())
    assert len(found) > 60
    for where, code, fields in found:
        assert code in SENTENCES, (where, code)
        assert wanted(SENTENCES[code]) | wanted(_HINTS.get(code, "")) <= fields, (where, code)


def test_each_sentence_is_of_an_error() -> None:
    by_name = {"batch-wrong", "piece-wrong", "said"}  # chosen by what was brought; what an older version kept
    by_name |= {"pull-missing", "pull-more", "pull-not-asked"}  # of holes
    assert set(SENTENCES) == {code for _, code, _ in raised()} | by_name
    assert set(_HINTS) <= set(SENTENCES)


@pytest.mark.parametrize("code", SENTENCES)
def test_what_pages_show_names_no_command_and_is_one_sentence(code: str) -> None:
    said = sentence(RemoteError(code, **dict.fromkeys(wanted(SENTENCES[code]), "x")))
    assert "gridecho " not in said.replace("version of gridecho", "") and "--" not in said
    assert said[0] == said[0].upper() and said.endswith(".") and not said.endswith("..")


def test_a_terminal_is_told_what_to_type_next() -> None:
    error = RemoteError("group-unknown", name="west")
    assert at_terminal(error) == "there is no group west; see: gridecho group list"
    assert sentence(error) == "There is no group west."
    assert str(error) == "group-unknown name='west'"


def test_reasons_are_kept_as_codes() -> None:
    lost = reason("ended-lost", said_by=[(3, "it broke off"), (4, "a timeout")])
    assert said(kept_reason(lost.kept())) == "lost: relay 3 says it broke off, relay 4 says a timeout"
    least = reason("chosen-least", among=3, readings=1)
    assert json.loads(least.kept()) == {"code": "chosen-least", "among": 3, "readings": 1}
    assert said(least) == "the least load among 3: 1 reading"
    assert said(reason("chosen-lot", among=2, readings=12_345)) == "by lot among 2 with the least load: 12,345 readings"
    assert (kept_reason(""), said(Reason())) == (Reason(), "")
    assert said(kept_reason("the least load among 2: 7 readings")) == "the least load among 2: 7 readings"
    assert with_reasons({"term": {"why": least}, "past": [{"reason": Reason()}]}) == {
        "term": {"why": "the least load among 3: 1 reading"},
        "past": [{"reason": ""}],
    }
