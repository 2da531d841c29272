"""Requests for access, and notices."""

from ..engine import Connection, Engine


def up(engine: Engine, connection: Connection) -> None:
    """The tables that were not there."""
    connection.execute(
        f"CREATE TABLE access_request (id {engine.counter}, user_id INTEGER NOT NULL, state VARCHAR(255) NOT NULL, "
        "name TEXT NOT NULL, organisation TEXT NOT NULL, role TEXT NOT NULL, evidence TEXT NOT NULL, purpose TEXT NOT NULL, "
        "scope TEXT NOT NULL, lasts_days INTEGER NOT NULL, made_ms BIGINT NOT NULL, changed_ms BIGINT NOT NULL, "
        "finding TEXT NOT NULL, reason TEXT NOT NULL, grant_id INTEGER, "
        'FOREIGN KEY (user_id) REFERENCES "user" (id), FOREIGN KEY (grant_id) REFERENCES "grant" (id))'
    )
    connection.execute("CREATE INDEX accessrequest_user_id ON access_request (user_id)")
    connection.execute("CREATE INDEX accessrequest_grant_id ON access_request (grant_id)")
    connection.execute("CREATE INDEX accessrequest_state_id ON access_request (state, id)")
    connection.execute(
        f"CREATE TABLE notice (id {engine.counter}, user_id INTEGER NOT NULL, at_ms BIGINT NOT NULL, "
        "told TEXT NOT NULL, read_ms BIGINT, mail_ms BIGINT, tries INTEGER NOT NULL, "
        'FOREIGN KEY (user_id) REFERENCES "user" (id))'
    )
    connection.execute("CREATE INDEX notice_user_id ON notice (user_id)")
    connection.execute("CREATE INDEX notice_mail_ms ON notice (mail_ms)")
