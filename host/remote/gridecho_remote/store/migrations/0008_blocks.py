"""Data in blocks, no longer a row each; days to be rolled up and made compact are marked, and so is done after this."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
from gridecho.readings import decode

from .. import blocks
from ..engine import Connection, Engine

_ROWS_AT_ONCE = 5_000
_MOST_READINGS = 8_192
_DAY_S = 86_400
_ROW = "sensor_id, epoch, seq, op, count, mask, time_s, relay_id, stored_ms, first_s, last_s, undated, dated_s, step_s, body"
_BLOCK = "sensor_id, epoch, first_seq, last_seq, level, first_s, last_s, mask, readings, undated, dated, cut, stored_ms, content"


def up(engine: Engine, connection: Connection) -> None:
    """From `datum`, which goes."""
    connection.execute(
        "CREATE TABLE block (sensor_id BIGINT NOT NULL, epoch BIGINT NOT NULL, first_seq BIGINT NOT NULL, "
        "last_seq BIGINT NOT NULL, level SMALLINT NOT NULL, first_s BIGINT NOT NULL, last_s BIGINT NOT NULL, "
        "mask BIGINT NOT NULL, readings INTEGER NOT NULL, undated INTEGER NOT NULL, dated SMALLINT NOT NULL, "
        f"cut SMALLINT NOT NULL, stored_ms BIGINT NOT NULL, content {engine.blob} NOT NULL, "
        "PRIMARY KEY (sensor_id, epoch, first_seq))"
    )
    by_time = "sensor_id, level, first_s, epoch, first_seq, last_seq, last_s"
    connection.execute(f"CREATE INDEX block_{by_time.replace(', ', '_')} ON block ({by_time})")
    connection.execute(
        "CREATE INDEX block_undated ON block (sensor_id, epoch, first_seq) WHERE ((undated > 0) OR (dated > 0))"
    )
    marks = "sensor_id BIGINT NOT NULL, day INTEGER NOT NULL"
    for table, columns, end in (
        ("stale", "", engine.clustered),
        ("loose", "", engine.clustered),
        ("day_rollup", f", mask BIGINT NOT NULL, cut BIGINT NOT NULL, stats {engine.blob} NOT NULL", engine.clustered),
        ("hour_rollup", f", stats {engine.blob} NOT NULL", ""),
    ):
        connection.execute(f"CREATE TABLE {table} ({marks}{columns}, PRIMARY KEY (sensor_id, day)){end}")
    after = (0, 0, -1)
    while rows := connection.execute(
        f"SELECT {_ROW} FROM datum WHERE (sensor_id, epoch, seq) > (?, ?, ?) ORDER BY sensor_id, epoch, seq LIMIT ?",  # noqa: S608  # nosec B608  # names of ours, values are bound
        (*after, _ROWS_AT_ONCE),
    ).fetchall():
        after = rows[-1][:3]
        connection.insert("block", _BLOCK, [_block(run) for run in _runs(rows)])
    levels = "SELECT sum(DISTINCT 1 << level) FROM block WHERE sensor_id = sensor.id AND level >= 0"
    connection.execute(f"UPDATE sensor SET levels = coalesce(({levels}), 0)")  # noqa: S608  # nosec B608  # names of ours, values are bound
    connection.execute("DROP TABLE datum")


def _runs(rows: list[tuple[Any, ...]]) -> Iterator[list[tuple[Any, ...]]]:
    """Data that may be one block: no hole in seq, brought together, of one day; undated ones for themselves, by quantities."""
    run, readings = [rows[0]], rows[0][4]
    for before, row in pairwise(rows):
        alike = before[:2] == row[:2] and before[2] + 1 == row[2] and _kind(before) == _kind(row)
        readings += row[4]
        if alike and readings <= _MOST_READINGS:
            run.append(row)
        else:
            yield run
            run, readings = [row], row[4]
    yield run


def _kind(row: tuple[Any, ...]) -> tuple[Any, ...]:
    seq, mask, relay_id, stored_ms, first_s, last_s, undated, dated_s = (row[n] for n in (2, 5, 7, 8, 9, 10, 11, 12))
    apart = undated > 0 or dated_s is not None
    alone = seq if last_s - first_s >= _DAY_S else None
    return relay_id, stored_ms, first_s // _DAY_S, apart and mask, dated_s is not None, alone


def _block(run: list[tuple[Any, ...]]) -> tuple[Any, ...]:
    sensor_id, epoch, first_seq, _, _, _, _, relay_id, stored_ms, *_, dated_s, _, _ = run[0]
    ops, counts, times_s = (np.array([row[n] for row in run]) for n in (3, 4, 6))
    content = blocks.plain(relay_id, stored_ms, ops, counts, times_s, [bytes(row[-1]) for row in run])
    undated = sum(row[11] for row in run)
    if dated_s is not None:
        content = blocks.dated(content, np.array([[row[12] for row in run], [row[13] for row in run]]))
    first = min((row[9] for row in run if row[9]), default=0)
    last = max(row[10] for row in run)
    mask = 0
    for row in run:
        mask |= row[5]
        decode(bytes(row[-1]), row[4], row[6])  # one that does not is better found here
    level = max(0, ((last - first).bit_length() - 4) // 3) if first else -1
    numbers = (level, first, last, mask, sum(row[4] for row in run), undated, int(dated_s is not None), 0)
    return sensor_id, epoch, first_seq, run[-1][2], *numbers, stored_ms, content
