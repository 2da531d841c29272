"""The audit's rows are chained: numbered without a gap, each with the SHA-256 of the one before it and its own content."""

import json
from hashlib import sha256

from ..engine import Connection, Engine

_FIELDS = "at_ms, actor_kind, actor_id, what, subject, fields"


def up(engine: Engine, connection: Connection) -> None:
    """The rows in a new table, in order."""
    before = connection.execute(f"SELECT {_FIELDS} FROM audit ORDER BY id").fetchall()  # noqa: S608  # nosec B608  # names of ours
    connection.execute("DROP TABLE audit")
    connection.execute(
        "CREATE TABLE audit (id BIGINT NOT NULL PRIMARY KEY, at_ms BIGINT NOT NULL, actor_kind VARCHAR(255) NOT NULL, "
        "actor_id BIGINT NOT NULL, what VARCHAR(255) NOT NULL, subject VARCHAR(255) NOT NULL, fields TEXT NOT NULL, "
        f"digest {engine.blob} NOT NULL)"
    )
    connection.execute("CREATE INDEX audit_subject ON audit (subject)")
    digest, rows = bytes(32), []
    for number, row in enumerate(before, 1):
        digest = sha256(digest + json.dumps([number, *row], separators=(",", ":")).encode()).digest()
        rows.append((number, *row, digest))
    connection.insert("audit", f"id, {_FIELDS}, digest", rows)
    connection.execute("INSERT INTO meta (key, value) VALUES ('audit_head', ?)", (f"{len(rows)} {digest.hex()}",))
