"""Lines of the log: each is one event with its time, whatever somebody wrote into it."""

import json
import logging
import re
from collections.abc import Iterator

import pytest
from gridecho_common.logs import REQUEST, set_up_logging


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def test_a_line_has_its_time_in_utc(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logging()
    record = logging.LogRecord("gridecho.test", logging.INFO, "", 0, "began at=%d", (7,), None)
    record.created, record.msecs = 1_782_907_200.25, 250
    logging.getLogger().handle(record)
    assert capsys.readouterr().err == "2026-07-01T12:00:00.250Z INFO gridecho.test began at=7\n"


@pytest.mark.parametrize("text", ["a\nb", "a\r\nb", "a\0b", "a\x1b[2Jb", "a\x85b", "a\u2028b", "a\x0bb", "a\x7fb"])
def test_a_message_is_one_line(capsys: pytest.CaptureFixture[str], text: str) -> None:
    set_up_logging()
    logging.getLogger("gridecho.test").warning("came name=%s", text)
    said = capsys.readouterr().err
    assert len(said.splitlines()) == 1
    assert re.search(r"came name=a(\\[xu][0-9a-f]+|\[2J)+b\n$", said)


def test_what_failed_keeps_its_lines(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logging()
    try:
        raise ZeroDivisionError("x")
    except ZeroDivisionError:
        logging.getLogger("gridecho.test").exception("failed")
    assert len(capsys.readouterr().err.splitlines()) > 3


def test_as_json_each_line_is_an_object(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logging(as_json=True)
    record = logging.LogRecord("gridecho.test", logging.INFO, "", 0, "began at=%r", ("a\nb",), None)
    record.created, record.msecs = 1_782_907_200.25, 250
    logging.getLogger().handle(record)
    try:
        raise ZeroDivisionError("x\ny")
    except ZeroDivisionError:
        logging.getLogger("gridecho.test").exception("failed")
    first, second = map(json.loads, capsys.readouterr().err.splitlines())
    assert first == {
        "time": "2026-07-01T12:00:00.250Z",
        "level": "INFO",
        "logger": "gridecho.test",
        "message": "began at='a\\nb'",
    }
    assert (second["level"], second["message"]) == ("ERROR", "failed")
    assert "ZeroDivisionError: x\ny" in second["raised"]


@pytest.mark.parametrize("as_json", [False, True])
def test_what_is_logged_while_a_request_is_answered_has_its_id(
    capsys: pytest.CaptureFixture[str], as_json: bool
) -> None:
    set_up_logging(as_json=as_json)
    token = REQUEST.set("abc-1")
    logging.getLogger("gridecho.test").info("came")
    REQUEST.reset(token)
    logging.getLogger("gridecho.test").info("went")
    came, went = capsys.readouterr().err.splitlines()
    assert (json.loads(came)["request"] == "abc-1") if as_json else came.endswith("came request=abc-1")
    assert "request" not in went
