"""One answer over HTTP, of bounded length and within a time, however it is dripped; redirects are not followed."""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import urllib3
from gridecho_common.deadlines import until


class NoAnswerError(Exception):
    """There was none within the time. `why`: in a word."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class NoRecordError(Exception):
    """An answer is no JSON object. `why`: in a few words."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


@dataclass(frozen=True, slots=True)
class Answer:
    """What came; `kind` is its media type, `body` one byte longer than `most_bytes` if there was more."""

    status: int
    kind: str
    body: bytes
    most_bytes: int

    def record(self) -> dict[str, Any]:
        """The JSON object in it, no name of which stands twice: others might take the other value. Raises NoRecordError."""
        if len(self.body) > self.most_bytes:
            raise NoRecordError("it is too long")
        try:
            found = json.loads(self.body, object_pairs_hook=_once)
        except (ValueError, RecursionError):
            raise NoRecordError("it is not JSON") from None
        if not isinstance(found, dict):
            raise NoRecordError("it is no record")
        return found


def fetched(
    method: str,
    url: str,
    *,
    most_bytes: int,
    within_s: float,
    headers: Mapping[str, str],
    body: str | None = None,
    ca_file: Path | str | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Answer:
    """The answer, whatever its status. Without `ca_file` the system's authorities count. Raises NoAnswerError."""
    ends = clock() + within_s
    plain = urllib3.PoolManager(
        retries=False, cert_reqs="CERT_REQUIRED", ca_certs=None if ca_file is None else str(ca_file)
    )
    pool = until(lambda: ends - clock(), plain)
    found = b""
    try:
        with pool:
            response = pool.request(
                method,
                url,
                body=body,
                headers={"Accept": "application/json", **headers},
                preload_content=False,
                redirect=False,
                timeout=within_s,
            )
            try:
                # A body that was cut short is told of only by the read that finds no more.
                while len(found) <= most_bytes and (
                    part := response.read(most_bytes + 1 - len(found), decode_content=False)
                ):
                    found += part
            finally:
                response.close()
    except (urllib3.exceptions.HTTPError, OSError) as error:
        raise NoAnswerError(type(error).__name__) from error
    kind = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    return Answer(response.status, kind, found, most_bytes)


def _once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name twice")
    return found
