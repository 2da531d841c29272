"""Tokens for programs, applications of others, and what people consented to."""

from ..engine import Connection, Engine


def up(engine: Engine, connection: Connection) -> None:
    """The tables that were not there."""
    connection.execute(
        f"CREATE TABLE application (id {engine.counter}, client_id VARCHAR(255) NOT NULL, name VARCHAR(255) NOT NULL, "
        f"key VARCHAR(255) NOT NULL, redirects TEXT NOT NULL, secret {engine.blob}, added_s BIGINT NOT NULL, "
        "ended_s BIGINT)"
    )
    connection.execute("CREATE UNIQUE INDEX application_client_id ON application (client_id)")
    connection.execute(
        f"CREATE TABLE consent (id {engine.counter}, user_id INTEGER NOT NULL, application_id INTEGER NOT NULL, "
        f"scope TEXT NOT NULL, given_s BIGINT NOT NULL, expires_s BIGINT NOT NULL, digest {engine.blob} NOT NULL, "
        "redirect TEXT NOT NULL, challenge TEXT NOT NULL, code_until_s BIGINT NOT NULL, taken_s BIGINT, ended_s BIGINT, "
        'FOREIGN KEY (user_id) REFERENCES "user" (id), FOREIGN KEY (application_id) REFERENCES application (id))'
    )
    connection.execute("CREATE INDEX consent_user_id ON consent (user_id)")
    connection.execute("CREATE INDEX consent_application_id ON consent (application_id)")
    connection.execute("CREATE UNIQUE INDEX consent_digest ON consent (digest)")
    connection.execute(
        f"CREATE TABLE token (id {engine.counter}, user_id INTEGER NOT NULL, consent_id INTEGER, name TEXT NOT NULL, "
        f"kind VARCHAR(255) NOT NULL, digest {engine.blob} NOT NULL, scope TEXT NOT NULL, begun_s BIGINT NOT NULL, "
        "expires_s BIGINT NOT NULL, used_s BIGINT, "
        'FOREIGN KEY (user_id) REFERENCES "user" (id), FOREIGN KEY (consent_id) REFERENCES consent (id))'
    )
    connection.execute("CREATE INDEX token_user_id ON token (user_id)")
    connection.execute("CREATE INDEX token_consent_id ON token (consent_id)")
    connection.execute("CREATE UNIQUE INDEX token_digest ON token (digest)")
