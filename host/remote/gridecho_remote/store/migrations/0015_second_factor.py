"""Second factors: a secret for each user who wants one, and the digests of codes for when it is lost."""

from ..engine import Connection, Engine


def up(engine: Engine, connection: Connection) -> None:
    """The tables."""
    connection.execute(
        'CREATE TABLE totp (user_id INTEGER NOT NULL PRIMARY KEY REFERENCES "user" (id), '
        f"wrapped {engine.blob} NOT NULL, step BIGINT NOT NULL, since_s BIGINT)"
    )
    connection.execute(
        f'CREATE TABLE recovery (user_id INTEGER NOT NULL REFERENCES "user" (id), digest {engine.blob} NOT NULL, '
        "PRIMARY KEY (user_id, digest))"
    )
