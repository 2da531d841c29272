"""Interest: which sensors somebody looks at as their readings come. Each is a lease, so that who dies leaves none behind."""

from gridecho.holdings import MAX_LIVE

from .database import Archive
from .engine import Connection

LEASE_MS = 20_000
_RENEWED_MS = 5_000  # a lease is renewed so long after it was
_MOST = 50  # sensors of one person


def want(archive: Archive, user_id: int, sensor_id: int, now_ms: int) -> bool:
    """Somebody looks at a sensor. False: they look at as many others already as one person may."""
    query = "SELECT until_ms FROM interest WHERE sensor_id = ? AND user_id = ?"
    connection = archive.connection()
    row = connection.execute(query, (sensor_id, user_id)).fetchone()
    if row and row[0] > now_ms + LEASE_MS - _RENEWED_MS:
        return True
    with archive.writing() as connection:
        connection.lock("user", [user_id])
        connection.execute("DELETE FROM interest WHERE until_ms <= ?", (now_ms,))
        others = "SELECT count(*) FROM interest WHERE user_id = ? AND sensor_id != ?"
        if connection.execute(others, (user_id, sensor_id)).fetchone()[0] >= _MOST:
            return False
        connection.execute(
            "INSERT INTO interest (sensor_id, user_id, until_ms) VALUES (?, ?, ?) "
            "ON CONFLICT (sensor_id, user_id) DO UPDATE SET until_ms = excluded.until_ms",
            (sensor_id, user_id, now_ms + LEASE_MS),
        )
    return True


def wanted(connection: Connection, now_ms: int) -> list[int]:
    """The sensors at which somebody looks now, by id; as many as a relay is told of, if there are more as many of each person's."""
    query = (
        "SELECT sensor_id, min(nth) AS turn FROM (SELECT sensor_id, row_number() OVER "
        "(PARTITION BY user_id ORDER BY sensor_id) AS nth FROM interest WHERE until_ms > ?) AS one "
        "GROUP BY sensor_id ORDER BY turn, sensor_id LIMIT ?"
    )
    return sorted(sensor_id for sensor_id, _ in connection.execute(query, (now_ms, MAX_LIVE)))
