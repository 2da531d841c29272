#!/bin/sh
# One would guess: PooledSqliteDatabase(path, timeout=30) waits 30 s for who has the database locked, as SqliteDatabase(path, timeout=30) does.
# What happens: in peewee 4.5.3 the pool takes `timeout` for itself (how long to wait for a connection), and SQLite waits for the 5 s that
# Python's sqlite3 has by default. What does: pragmas={"busy_timeout": 30_000}. Seen 2026-11-29.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check peewee==4.5.3
cat > "$folder/seen.py" <<'PY'
from importlib.metadata import version

from peewee import SqliteDatabase
from playhouse.pool import PooledSqliteDatabase

print("peewee", version("peewee"))
found = {}
for kind, more in (
    (SqliteDatabase, {}),
    (PooledSqliteDatabase, {}),
    (PooledSqliteDatabase, {"pragmas": {"busy_timeout": 30_000}}),
):
    (waits_ms,) = kind(":memory:", timeout=30, **more).execute_sql("PRAGMA busy_timeout").fetchone()
    print(kind.__name__, more, waits_ms, "ms")
    found[kind.__name__, bool(more)] = waits_ms
assert found["SqliteDatabase", False] == found["PooledSqliteDatabase", True] == 30_000
assert found["PooledSqliteDatabase", False] == 5_000, "it tells SQLite now"
PY
"$folder/venv/bin/python" "$folder/seen.py"
