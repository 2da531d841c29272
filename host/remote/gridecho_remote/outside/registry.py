"""A register of a department, asked over HTTP who somebody is. Whatever is not the plain answer that was agreed on is an error."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import Any, Protocol
from urllib.parse import quote

from cachetools import TTLCache

from ..rules.reasons import Reason, reason
from ..rules.verification import PLACEHOLDERS, Claim
from .fetching import NoAnswerError, NoRecordError, fetched

_MOST_BYTES = 64 << 10
_MOST_KEPT = 1_000  # answers
_FOUND, _NOBODY = 200, 404
_AWAY = (408, 425, 429)  # of those below 500


class RegistryError(Exception):
    """There is no answer that counts, for a reason in a few words, without what was asked."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.code, reason.fields)
        self.reason = reason


class Registry(Protocol):
    """Whom a register knows."""

    def look_up(self, claim: Claim) -> dict[str, Any] | None:
        """What it has of who claims this; None: it knows nobody such. Raises RegistryError."""


class HttpRegistry:
    """A register at a URL with places for what is asked, as "https://register.example/staff/{evidence}"."""

    def __init__(
        self,
        url: str,
        clock: Callable[[], float],
        token: str = "",
        ca_file: Path | str | None = None,
        timeout_s: float = 5.0,
        keep_s: float = 600.0,
    ) -> None:
        """`clock` is only read for its steps; `token` is shown as a bearer; without `ca_file` the system's authorities count."""
        self._url = url
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._ca_file = ca_file or None
        self._timeout_s = timeout_s
        self._clock = clock
        self._kept: TTLCache[str, dict[str, Any] | None] = TTLCache(_MOST_KEPT, keep_s, timer=clock)
        self._one_at_a_time = Lock()  # with the cache, not with the register

    def look_up(self, claim: Claim) -> dict[str, Any] | None:
        """As in Registry. Answers are kept for a while, failures are not."""
        url = filled(self._url, claim)
        with self._one_at_a_time, suppress(KeyError):
            return self._kept[url]
        found = self._asked(url)
        with self._one_at_a_time:
            self._kept[url] = found
        return found

    def _asked(self, url: str) -> dict[str, Any] | None:
        try:
            answer = fetched(
                "GET",
                url,
                most_bytes=_MOST_BYTES,
                within_s=self._timeout_s,
                headers=self._headers,
                ca_file=self._ca_file,
                clock=self._clock,
            )
            if answer.status == _NOBODY:
                return None
            if answer.status != _FOUND:
                why = f"HTTP {answer.status}"
                away = answer.status in _AWAY or answer.status >= 500
                raise RegistryError(reason("verify-away", why=why) if away else reason("verify-answer", why=why))
            if answer.kind != "application/json":
                raise NoRecordError("it is not JSON")
            return answer.record()
        except NoAnswerError as error:
            raise RegistryError(reason("verify-away", why=error.why)) from error
        except NoRecordError as error:
            raise RegistryError(reason("verify-answer", why=error.why)) from error


def filled(url: str, claim: Claim) -> str:
    """The URL for a claim: what somebody says of themselves gets no further than to its place in it."""
    return url.format_map({name: quote(getattr(claim, name), safe="") for name in PLACEHOLDERS})
