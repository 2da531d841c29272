"""Organisations; roles in place of the one mark of administrators, who ran the fleet and decide on grants, too, from now on."""

from ..engine import Connection, Engine

_STATEMENTS = (
    "CREATE UNIQUE INDEX organisation_name ON organisation (name)",
    "CREATE UNIQUE INDEX organisation_key ON organisation (key)",
    'ALTER TABLE "user" ADD COLUMN organisation_id INTEGER REFERENCES organisation (id)',
    'ALTER TABLE "user" ADD COLUMN email VARCHAR(255)',
    'CREATE INDEX user_organisation_id ON "user" (organisation_id)',
    """
    CREATE TABLE role (user_id INTEGER NOT NULL REFERENCES "user" (id), kind VARCHAR(255) NOT NULL,
        region TEXT NOT NULL, PRIMARY KEY (user_id, kind, region))
    """,
    """INSERT INTO role SELECT id, 'operator', '' FROM "user" WHERE admin""",
    """INSERT INTO role SELECT id, 'administrator', '' FROM "user" WHERE admin""",
    'ALTER TABLE "user" DROP COLUMN admin',
)


def up(engine: Engine, connection: Connection) -> None:
    """The tables and columns that were not there, and the roles."""
    connection.execute(
        f"CREATE TABLE organisation (id {engine.counter}, name VARCHAR(255) NOT NULL, key VARCHAR(255) NOT NULL, "
        "added_s BIGINT NOT NULL)"
    )
    for statement in _STATEMENTS:
        connection.execute(statement)
