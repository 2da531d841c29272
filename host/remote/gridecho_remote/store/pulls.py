"""Pulls that are under way: asked of a relay right now, or waiting for its heartbeat.

`digest` is of what is wanted, so that the same is not asked for twice at once, whoever wants it.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from gridecho.holdings import Pull
from gridecho_common.shares import fair

from .database import Archive
from .engine import Connection
from .models import PullRequest

ASKING, WAITING, DONE, EXPIRED = "asking", "waiting", "done", "expired"
_LIFE_MS = 3_600_000  # of a request that no heartbeat picked up, and of what is known of those that are over
_ASKING_MS = 10_000  # and whoever asks is taken to have died
_AT_ONCE = 16  # requests a heartbeat's answer
_MOST_OPEN = 256  # of one relay


@dataclass(frozen=True, slots=True)
class Asked:
    """A request by its id; `new`: it is the caller's, to be seen to."""

    id: int
    new: bool


def claim(
    archive: Archive,
    request: Pull,
    digest: bytes,
    body: bytes,
    is_asking: bool,
    party: str = "",
    lately_ms: int = 0,
) -> Asked | None:
    """A request, which the caller asks now or which waits, as the relay takes it; or the same one that is under way already, or
    was made within `lately_ms`, whatever came of it.

    `party` is for whom it is. None: so many of the relay are under way, for this one or in all, that the others come first.
    """
    same = (
        "SELECT id FROM pull WHERE relay_id = ? AND digest = ? AND "
        "(state = 'waiting' OR state = 'asking' AND created_ms > ? OR created_ms > ?)"
    )
    key = request.relay_id, digest, request.utc_ms - _ASKING_MS, request.utc_ms - lately_ms
    for (pull_id,) in archive.connection().execute(same, key):
        return Asked(pull_id, False)
    with archive.writing() as connection:
        connection.lock("relay", [request.relay_id])
        for (pull_id,) in connection.execute(same, key):
            return Asked(pull_id, False)
        connection.execute(
            "DELETE FROM pull WHERE relay_id = ? AND state != 'waiting' AND created_ms < ?",
            (request.relay_id, request.utc_ms - _LIFE_MS),
        )
        under_way = (
            "SELECT count(*), coalesce(sum(CASE WHEN party = ? THEN 1 ELSE 0 END), 0) FROM pull "
            "WHERE relay_id = ? AND (state = 'waiting' OR state = 'asking')"
        )
        in_all, own = connection.execute(under_way, (party, request.relay_id)).fetchone()
        if not fair(int(own), 1, _MOST_OPEN - in_all):
            return None
        state = ASKING if is_asking else WAITING
        connection.execute(
            "INSERT INTO pull (id, relay_id, digest, body, state, frames, created_ms, party) "
            "VALUES (?, ?, ?, ?, ?, 0, ?, ?)",
            (request.pull_id, request.relay_id, digest, body, state, request.utc_ms, party),
        )
    return Asked(request.pull_id, True)


def finish(archive: Archive, pull_id: int, frames: int) -> None:
    """A relay gave all that it had, or need not be asked any more."""
    _move(archive, pull_id, DONE, frames)


def wait_for_heartbeat(archive: Archive, pull_id: int) -> None:
    """A relay that was asked did not give all; it gets the request with its heartbeat."""
    _move(archive, pull_id, WAITING, 0)


def _move(archive: Archive, pull_id: int, state: str, frames: int) -> None:
    query = "UPDATE pull SET state = ?, frames = ? WHERE id = ? AND state IN ('asking', 'waiting')"
    archive.connection().execute(query, (state, frames, pull_id))


def state_of(archive: Archive, pull_id: int) -> tuple[str, int]:
    """What became of a request, and how many frames came of it."""
    query = PullRequest.select(PullRequest.state, PullRequest.frames).where(PullRequest.id == pull_id)
    found: PullRequest = query.get(archive.db)
    return found.state, found.frames


def waiting(archive: Archive) -> dict[int, list[int]]:
    """The ids of the requests that wait for heartbeats, by relay."""
    found: dict[int, list[int]] = {}
    for relay_id, pull_id in archive.connection().execute("SELECT relay_id, id FROM pull WHERE state = 'waiting'"):
        found.setdefault(relay_id, []).append(pull_id)
    return found


def waiting_of(connection: Connection, relay_id: int) -> list[int]:
    """The same of one relay."""
    query = "SELECT id FROM pull WHERE relay_id = ? AND state = 'waiting'"
    return [pull_id for (pull_id,) in connection.execute(query, (relay_id,))]


def take_done(archive: Archive, relay_id: int, done: Mapping[int, int], now_ms: int) -> list[bytes]:
    """The requests that wait for a relay, after those it says are done (frames by pull id). In the heartbeat's transaction."""
    connection = archive.connection()
    connection.executemany(
        "UPDATE pull SET state = 'done', frames = ? WHERE id = ? AND relay_id = ? AND state = 'waiting'",
        [(frames, pull_id, relay_id) for pull_id, frames in done.items()],
    )
    connection.execute(
        "UPDATE pull SET state = 'expired' WHERE relay_id = ? AND state = 'waiting' AND created_ms < ?",
        (relay_id, now_ms - _LIFE_MS),
    )
    query = "SELECT body FROM pull WHERE relay_id = ? AND state = 'waiting' ORDER BY created_ms, id LIMIT ?"
    return [body for (body,) in connection.execute(query, (relay_id, _AT_ONCE))]
