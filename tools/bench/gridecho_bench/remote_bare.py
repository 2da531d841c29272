"""The rows of the meter as a plain program would store them: nothing but the insert and its commit, beside which ingest is seen."""

import sqlite3
import time
from pathlib import Path
from typing import Any

from .remote_data import BATCH_FRAMES, COLUMNS, PER_FRAME, Data

_TABLE = f"CREATE TABLE reading ({', '.join(f'{name} bigint NOT NULL' for name in COLUMNS)}, PRIMARY KEY (sensor_id, time_s))"


def bare_sqlite(data: Data, place: Path) -> dict[str, Any]:
    """Readings a second of `executemany`, a batch a transaction, WAL and FULL as the remote has. `busy`: its share of a core."""
    place.mkdir(parents=True)
    insert = f"INSERT INTO reading VALUES ({', '.join('?' * len(COLUMNS))})"  # noqa: S608  # nosec B608  # names of ours, values are bound
    found: dict[str, Any] = {}
    for per_frame in PER_FRAME:
        path = place / f"{per_frame}.sqlite"
        connection = sqlite3.connect(path, isolation_level=None)
        for pragma in ("journal_mode = wal", "synchronous = full", "cache_size = -65536"):
            connection.execute(f"PRAGMA {pragma}")
        connection.execute(_TABLE)
        took_s = cpu_s = 0.0
        for rows in _batches(data, per_frame):
            begun, cpu_begun = time.perf_counter(), time.process_time()
            connection.execute("BEGIN")
            connection.executemany(insert, rows)
            connection.execute("COMMIT")
            took_s += time.perf_counter() - begun
            cpu_s += time.process_time() - cpu_begun
        found[f"ingest_{per_frame}_per_frame_per_s"] = data.meter / took_s
        connection.close()  # with all in its one file
        found["busy"] = cpu_s / took_s  # of the last ones, which have the fewest commits
        found["bytes_per_reading"] = path.stat().st_size / data.meter
    return found


def bare_postgresql(data: Data, url: str) -> dict[str, Any]:
    """Readings a second of COPY, a batch a transaction, the text of it made before; in an empty database."""
    import psycopg

    found: dict[str, Any] = {}
    with psycopg.connect(url, autocommit=True) as connection:
        for per_frame in PER_FRAME:
            connection.execute(_TABLE)
            took_s = 0.0
            for rows in _batches(data, per_frame):
                text = "".join("\t".join(map(str, row)) + "\n" for row in rows)
                begun = time.perf_counter()
                with connection.cursor().copy("COPY reading FROM STDIN") as copy:
                    copy.write(text)
                took_s += time.perf_counter() - begun
            found[f"ingest_{per_frame}_per_frame_per_s"] = data.meter / took_s
            size = connection.execute("SELECT pg_total_relation_size('reading')").fetchone()
            found["bytes_per_reading"] = size[0] / data.meter if size else None
            connection.execute("DROP TABLE reading")
    return found


def _batches(data: Data, per_frame: int) -> Any:
    """Rows as lists, as many at a time as a relay's batch has readings."""
    rows, at_once = data.rows("meter"), BATCH_FRAMES * per_frame
    for at in range(0, data.meter, at_once):
        yield rows[:, at : at + at_once].T.tolist()
