"""By what an OpenID Connect provider says of somebody, they are one of the users."""

from ..engine import Connection, Engine


def up(engine: Engine, connection: Connection) -> None:
    """The table."""
    connection.execute(
        "CREATE TABLE identity (issuer TEXT NOT NULL, subject TEXT NOT NULL, "
        'user_id INTEGER NOT NULL REFERENCES "user" (id), PRIMARY KEY (issuer, subject))'
    )
    connection.execute("CREATE INDEX identity_user_id ON identity (user_id)")
