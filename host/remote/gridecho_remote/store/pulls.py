"""Pulls that wait for their relay's heartbeat. `digest` is of what is wanted, so that the same is not asked for twice at once."""

from collections.abc import Mapping

from gridecho.holdings import Pull

from .database import Archive
from .models import PullRequest

WAITING, DONE, EXPIRED = "waiting", "done", "expired"
_LIFE_MS = 3_600_000  # of a request that no heartbeat picked up
_AT_ONCE = 16  # requests a heartbeat's answer


def put(archive: Archive, request: Pull, digest: bytes, body: bytes) -> int:
    """Has a request wait, as the relay takes it: its id, or that of the same one that waits already."""
    with archive.writing() as connection:
        connection.lock("relay", [request.relay_id])
        query = "SELECT id FROM pull WHERE relay_id = ? AND state = 'waiting' AND digest = ?"
        for (pull_id,) in connection.execute(query, (request.relay_id, digest)):
            return int(pull_id)
        connection.execute(
            "INSERT INTO pull (id, relay_id, digest, body, state, frames, created_ms) VALUES (?, ?, ?, ?, 'waiting', 0, ?)",
            (request.pull_id, request.relay_id, digest, body, request.utc_ms),
        )
    return request.pull_id


def state_of(archive: Archive, pull_id: int) -> tuple[str, int]:
    """What became of a request, and how many frames came of it."""
    query = PullRequest.select(PullRequest.state, PullRequest.frames).where(PullRequest.id == pull_id)
    found: PullRequest = query.get(archive.db)
    return found.state, found.frames


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
