"""Who looked at whose readings, by contract; sums by region; what a provider said of somebody at their last login."""

from ..engine import Connection, Engine


def up(engine: Engine, connection: Connection) -> None:
    """What was not there. Of looks up to now it is not known at whose readings they were."""
    connection.execute(
        "CREATE TABLE look (contract_id INTEGER NOT NULL, row_id BIGINT NOT NULL, "
        f"PRIMARY KEY (contract_id, row_id)){engine.clustered}"
    )
    connection.execute("DROP INDEX audit_subject")
    connection.execute("CREATE INDEX audit_subject_id ON audit (subject, id)")
    connection.execute("CREATE INDEX givensum_region_day ON given_sum (region, day)")
    connection.execute("ALTER TABLE identity ADD COLUMN claims TEXT NOT NULL DEFAULT '{}'")
    connection.execute("ALTER TABLE identity ADD COLUMN claims_s BIGINT")
    head = connection.execute("SELECT value FROM meta WHERE key = 'audit_head'").fetchone()[0].split(" ")[0]
    connection.execute("INSERT INTO meta (key, value) VALUES ('looks_after', ?)", (head,))
