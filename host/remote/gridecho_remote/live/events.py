"""Server-sent events as text."""

import json

from ..rules.errors import RemoteError
from ..rules.sentences import sentence
from ..web.sessions import EVENTS

__all__ = ("EVENTS",)

AGAIN_MS = 1_000  # so long a browser waits before it comes again
BEAT = b":\n\n"  # proxies end what is silent
HEAD = b"retry: %d\n\n" % AGAIN_MS


def event(data: bytes, name: str = "", at: str = "") -> bytes:
    """An event with one line of data; `at`: from where its reader is told on if they come again."""
    lines = [b"event: %s\n" % name.encode()] if name else []
    lines += [b"id: %s\n" % at.encode()] if at else []
    return b"".join([*lines, b"data: %s\n\n" % data])


def place(at: str) -> bytes:
    """From where its reader is told on, without an event."""
    return b"id: %s\n\n" % at.encode()


def cut(sensor_id: int, since_ms: int, at: str) -> bytes:
    """Of a sensor there is more than is told here: it is to be read with `stored_since`."""
    return event(json.dumps({"sensor": sensor_id, "stored_since": since_ms}).encode(), "cut", at)


def end(error: RemoteError, again: bool) -> bytes:
    """The last event: why there are no more, and whether to come again."""
    said = {"code": error.code, "says": sentence(error), "again": again}
    return event(json.dumps(said).encode(), "end")
