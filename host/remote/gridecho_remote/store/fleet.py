"""What is to be looked after in a fleet, as figures: relays that are late, what they hold, orders, frames that are kept apart."""

from dataclasses import dataclass

from .database import Archive
from .holdings import said_in
from .models import FAILED, WAITING
from .quarantine import CLONE


@dataclass(frozen=True, slots=True)
class Care:
    """How many `sensors` and `relays` there are; of the relays so many are `late`, and so many were never heard of (`unheard`).

    `holes`: spans of data that relays hold and the remote has not, `held` data in all, of which the oldest was made at `oldest_s`
    (None: there is none). `clones`: sensors of which other content came under a data id that was taken. Orders that wait or failed.
    """

    sensors: int
    relays: int
    late: int
    unheard: int
    holes: int
    held: int
    oldest_s: int | None
    clones: int
    orders_waiting: int
    orders_failed: int


@dataclass(frozen=True, slots=True)
class Alarm:
    """How much of a sender was set aside for a reason: frames that are `kept`, and `more` that were only counted; when last.

    `sensor_id` 0: of a sensor that is not enrolled, or of none.
    """

    relay_id: int
    relay: str | None
    sensor_id: int
    reason: str
    kept: int
    more: int
    last_ms: int


def alarms(archive: Archive, begin: int, limit: int) -> list[Alarm]:
    """Those of a clone first, then the newest; those from place `begin` on."""
    rows = archive.connection().execute(
        "SELECT relay_id, relay, sensor_id, reason, kept, more, CASE WHEN kept_ms > last_ms THEN kept_ms ELSE last_ms END AS at_ms "
        "FROM (SELECT aside.relay_id, relay.name AS relay, aside.sensor_id, aside.reason, aside.kept, aside.more, aside.last_ms, "
        "coalesce((SELECT max(stored_ms) FROM quarantine WHERE quarantine.relay_id = aside.relay_id "
        "AND quarantine.sensor_id = aside.sensor_id AND quarantine.reason = aside.reason), 0) AS kept_ms "
        "FROM set_aside AS aside LEFT JOIN relay ON relay.id = aside.relay_id WHERE aside.kept > 0 OR aside.more > 0) AS every "
        "ORDER BY CASE WHEN reason = ? THEN 0 ELSE 1 END, at_ms DESC, relay_id, sensor_id, reason LIMIT ? OFFSET ?",
        (CLONE, limit, begin),
    )
    return [Alarm(*row) for row in rows]


def care(archive: Archive, now_ms: int) -> Care:
    """The figures of now."""
    with archive.reading() as connection:

        def one(query: str, *values: object) -> int | None:
            found: int | None = connection.execute(query, values).fetchone()[0]
            return found

        heard = connection.execute(
            "SELECT pull_url, report, heartbeat_ms FROM relay_state WHERE heartbeat_ms > 0"
        ).fetchall()
        holes, held = connection.execute(
            "SELECT coalesce(sum(runs), 0), coalesce(sum(data), 0) FROM relay_state"
        ).fetchone()
        relays = one("SELECT count(*) FROM relay") or 0
        return Care(
            one("SELECT count(*) FROM sensor") or 0,
            relays,
            sum(said_in(*row).is_late(now_ms) for row in heard),
            max(0, relays - len(heard)),
            int(holes),
            int(held),
            one("SELECT min(first_s) FROM holding WHERE first_s > 0") if holes else None,
            one("SELECT count(DISTINCT sensor_id) FROM set_aside WHERE reason = ? AND (kept > 0 OR more > 0)", CLONE)
            or 0,
            one("SELECT count(*) FROM orders WHERE state = ?", WAITING) or 0,
            one("SELECT count(*) FROM orders WHERE state = ?", FAILED) or 0,
        )
