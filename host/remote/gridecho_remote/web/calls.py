"""How often somebody may call the API: counted in this process's memory; a count in the database would make each read a write.

The memory store of the library `limits` starts a thread with nearly every count, so it is not used here.
"""

from collections import Counter
from threading import Lock

from flask import Flask, Response, g, request

from ..rules.actor import Kind
from ..rules.errors import RemoteError
from ..use.site import Site
from .problems import problem

_MINUTE_S = 60


class Calls:
    """Counts the calls of each person in the present minute; any thread may use it."""

    def __init__(self, most: int) -> None:
        self.most = most
        self._minute = 0
        self._of: Counter[int] = Counter()
        self._lock = Lock()

    def waits_s(self, person: int, now_s: float) -> int | None:
        """Counts a call. After how many seconds the person may call again; None: this one is good."""
        with self._lock:
            minute, second = divmod(int(now_s), _MINUTE_S)
            if minute != self._minute:
                self._minute = minute
                self._of.clear()
            self._of[person] += 1
            return _MINUTE_S - second if self._of[person] > self.most else None


def limit_calls(app: Flask, site: Site) -> None:
    """Has `app` answer 429 to a person, or their programs, who call more often in a minute than the settings allow."""
    calls = Calls(site.settings.api_calls_per_minute)

    @app.before_request
    def too_often() -> Response | None:
        actor = g.get("actor")  # the guard found them before
        if actor is None or actor.kind is not Kind.PERSON or not request.path.startswith("/api/"):
            return None
        wait_s = calls.waits_s(actor.id, site.clock()) if calls.most else None
        if wait_s is None:
            return None
        answer = problem(429, RemoteError("calls-many", most=calls.most))
        answer.headers["Retry-After"] = str(wait_s)
        return answer
