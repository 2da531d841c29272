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
