"""How often somebody guessed wrong lately: counts that all processes of a remote share. Whom one is of is kept as a digest only."""

from hashlib import sha256

from .database import Archive


def add(archive: Archive, key: str, now_ms: int, lasts_ms: int, amount: int = 1) -> int:
    """Counts on: how many there are now. The first of them begins a time of `lasts_ms` after which all are forgotten."""
    digest = _digest(key)
    with archive.writing() as connection:
        connection.lock("tries")
        connection.execute("DELETE FROM tries WHERE until_ms <= ?", (now_ms,))
        connection.execute(
            "INSERT INTO tries (digest, count, until_ms) VALUES (?, ?, ?) "
            "ON CONFLICT (digest) DO UPDATE SET count = tries.count + excluded.count",
            (digest, amount, now_ms + lasts_ms),
        )
        count: int = connection.execute("SELECT count FROM tries WHERE digest = ?", (digest,)).fetchone()[0]
    return count


def state(archive: Archive, key: str, now_ms: int) -> tuple[int, int]:
    """How many there are, and until when (Unix ms); (0, now) if there are none."""
    query = "SELECT count, until_ms FROM tries WHERE digest = ? AND until_ms > ?"
    count, until_ms = archive.connection().execute(query, (_digest(key), now_ms)).fetchone() or (0, now_ms)
    return count, until_ms


def forget(archive: Archive, key: str | None = None) -> int:
    """Forgets those of one key, or all: how many counts these were."""
    with archive.writing() as connection:
        if key is None:
            return connection.execute("DELETE FROM tries").rowcount
        return connection.execute("DELETE FROM tries WHERE digest = ?", (_digest(key),)).rowcount


def _digest(key: str) -> bytes:
    return sha256(key.encode("utf-8", "surrogatepass")).digest()
