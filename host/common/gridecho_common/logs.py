"""Logging of the services: one line an event on stderr, `key=value` after the event's name, UTC."""

import logging
import sys
import time


def set_up_logging(level: str = "INFO") -> None:
    """Sends every logger's lines to stderr. Callers log `log.info("event key=%s", value)`; never a secret."""
    formatter = logging.Formatter("%(asctime)s.%(msecs)03dZ %(levelname)s %(name)s %(message)s", "%Y-%m-%dT%H:%M:%S")
    formatter.converter = time.gmtime
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    logging.getLogger("waitress.queue").setLevel(
        logging.ERROR
    )  # each request that waits for a thread is a line otherwise
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
