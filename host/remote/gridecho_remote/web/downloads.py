"""Downloads: each holds a thread until it was read, so a user has a share of them, and all of them have half the threads."""

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import wraps
from typing import Any, cast

from flask import Flask, Response, current_app

from ..rules.errors import RemoteError
from ..settings import RemoteSettings
from .context import the_actor
from .problems import problem
from .running import MOST_OF_A_USER, running

_NAME = "gridecho_remote.downloads"
_WAIT_S = 10


class Downloads:
    """Counts what is on its way to whom, in this process; any thread may use it."""

    def __init__(self, most: int, most_of_a_user: int) -> None:
        self.most, self.most_of_a_user = most, most_of_a_user
        self._of: Counter[int] = Counter()
        self._lock = threading.Lock()

    def begin(self, user: int) -> RemoteError | None:
        """Counts one more, which `end` is to be called for; or why there can be none."""
        with self._lock:
            if self._of[user] >= self.most_of_a_user:
                return RemoteError("downloads-yours", most=self.most_of_a_user)
            if self._of.total() >= self.most:
                return RemoteError("downloads-all")
            self._of[user] += 1
        return None

    def end(self, user: int) -> None:
        """One less."""
        with self._lock:
            self._of[user] -= 1
            if not self._of[user]:
                del self._of[user]


def limit_downloads(app: Flask, settings: RemoteSettings) -> None:
    """Sets how many downloads `app` gives at a time."""
    app.extensions[_NAME] = Downloads(max(1, settings.threads // 2), settings.downloads_per_user)


def download(view: Callable[..., Response]) -> Callable[..., Response]:
    """A view whose response is a download: counted until it is read or given up, 429 or 503 if there are too many."""

    @wraps(view)
    def counted(**given: int) -> Response:
        downloads, user = cast(Downloads, current_app.extensions[_NAME]), the_actor().id
        many = running().has_many(user)
        refused = RemoteError("downloads-yours", most=MOST_OF_A_USER) if many else downloads.begin(user)
        if refused is not None:
            answer = problem(429 if refused.code == "downloads-yours" else 503, refused)
            answer.headers["Retry-After"] = str(_WAIT_S)
            return answer
        counted_for = [user]

        def end() -> None:
            if counted_for:
                downloads.end(counted_for.pop())

        def to_the_end(parts: Iterable[Any]) -> Iterator[Any]:
            yield from parts
            end()

        try:
            response = view(**given)
        except BaseException:
            end()
            raise
        response.response = to_the_end(response.response)
        response.call_on_close(end)
        return response

    return counted
