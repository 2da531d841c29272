"""Logging of the services: one line an event on stderr, `key=value` after the event's name, UTC; as text or as JSON.

What is logged while a request is answered has its id (REQUEST).
"""

import json
import logging
import sys
import time
from contextvars import ContextVar

# The id of the request that is answered; empty: none is.
REQUEST: ContextVar[str] = ContextVar("gridecho.request", default="")

_SECONDS = "%Y-%m-%dT%H:%M:%S"
# What would end a line or move a cursor; a traceback keeps its lines, for a message is one.
_ESCAPED = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160))} | {0x2028: "\\u2028", 0x2029: "\\u2029"}


class _OneLine(logging.Formatter):
    """Whoever has a say in a message writes no line of their own into the log by it."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the name is the library's
        request_id = REQUEST.get()
        line = super().formatMessage(record) + (f" request={request_id}" if request_id else "")
        return line.translate(_ESCAPED)


class _Json(logging.Formatter):
    """An object a line: time, level, logger, message, and where there is one the request's id, and what was raised."""

    def format(self, record: logging.LogRecord) -> str:
        said = {
            "time": f"{self.formatTime(record, _SECONDS)}.{int(record.msecs):03d}Z",
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if REQUEST.get():
            said["request"] = REQUEST.get()
        if record.exc_info:
            said["raised"] = self.formatException(record.exc_info)
        return json.dumps(said)


def set_up_logging(level: str = "INFO", as_json: bool = False) -> None:
    """Sends every logger's lines to stderr. Callers log `log.info("event key=%s", value)`; never a secret."""
    handler = logging.StreamHandler(sys.stderr)
    form = "%(asctime)s.%(msecs)03dZ %(levelname)s %(name)s %(message)s"
    formatter = _Json() if as_json else _OneLine(form, _SECONDS)
    formatter.converter = time.gmtime
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    # Each request that waits for a thread is a line otherwise.
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
    logging.getLogger("peewee").setLevel(logging.INFO)  # at DEBUG it writes statements with their values: keys, hashes


class Seldom:
    """Lets one log line a subject through in `every_s` seconds: `if seldom.now("disk"): log.error(...)`."""

    def __init__(self, every_s: float = 60.0) -> None:
        self._every_s = every_s
        self._last: dict[str, float] = {}

    def now(self, subject: str) -> bool:
        """Whether a line about `subject` may be written now."""
        at = time.monotonic()
        if at - self._last.get(subject, -self._every_s) < self._every_s:
            return False
        self._last[subject] = at
        return True
