#!/bin/sh
# One would guess: `class Meta: without_rowid = True`, which is SQLite's, is left out of CREATE TABLE where the database is PostgreSQL.
# What happens: peewee 4.5.3 writes WITHOUT ROWID for PostgreSQL, too, which takes no such table; one model cannot serve both. Seen 2026-11-28.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check peewee==4.5.3 psycopg==3.3.9
"$folder/venv/bin/python" - <<'EOF'
import peewee
from peewee import IntegerField, Model, PostgresqlDatabase, SchemaManager, SqliteDatabase


class Reading(Model):
    number = IntegerField(primary_key=True)

    class Meta:
        without_rowid = True


print("peewee", peewee.__version__)
for database in (SqliteDatabase(":memory:"), PostgresqlDatabase("nowhere")):
    statement, _ = SchemaManager(Reading, database)._create_table(safe=False).query()
    print(type(database).__name__, "->", statement)
    assert statement.endswith(" WITHOUT ROWID"), "it is left out now"
EOF
