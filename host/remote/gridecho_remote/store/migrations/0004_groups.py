"""Groups of relays, their members, terms and bars; administrators."""

from ..engine import Connection, Engine

_STATEMENTS = (
    """
    CREATE TABLE group_bar (
        group_id INTEGER NOT NULL, term INTEGER NOT NULL, relay_id INTEGER NOT NULL,
        period INTEGER NOT NULL, run INTEGER NOT NULL, readings INTEGER NOT NULL, PRIMARY KEY (group_id,
        term, relay_id, period, run)) WITHOUT ROWID
    """,
    """
    CREATE TABLE group_member (
        relay_id INTEGER NOT NULL PRIMARY KEY, group_id INTEGER NOT NULL, joined_ms INTEGER NOT NULL,
        beaten_ms INTEGER NOT NULL, late_ms INTEGER NOT NULL, url TEXT NOT NULL, term INTEGER NOT NULL,
        periods INTEGER NOT NULL, lost TEXT NOT NULL)
    """,
    """
    CREATE TABLE group_term (
        group_id INTEGER NOT NULL, number INTEGER NOT NULL, round INTEGER NOT NULL, proxy INTEGER NOT NULL,
        why TEXT NOT NULL, period_s INTEGER NOT NULL, began_ms INTEGER NOT NULL, forwards INTEGER NOT NULL,
        forwarded_ms INTEGER NOT NULL, ended_ms INTEGER, reason TEXT NOT NULL, periods INTEGER NOT NULL,
        ballot TEXT NOT NULL, PRIMARY KEY (group_id, number))
    """,
    """
    CREATE TABLE relay_group (
        id INTEGER NOT NULL PRIMARY KEY, name VARCHAR(255) NOT NULL, after_s INTEGER,
        after_forwards INTEGER, period_s INTEGER NOT NULL, made_ms INTEGER NOT NULL)
    """,
    "CREATE UNIQUE INDEX group_name ON relay_group (name)",
    "CREATE INDEX member_group_id ON group_member (group_id)",
    "CREATE INDEX term_group_id_ended_ms ON group_term (group_id, ended_ms)",
    'ALTER TABLE "user" ADD COLUMN admin INTEGER NOT NULL DEFAULT 0',
)


def up(engine: Engine, connection: Connection) -> None:
    """The tables that were not there."""
    for statement in _STATEMENTS:
        connection.execute(statement)
