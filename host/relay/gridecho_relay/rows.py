"""Rows of frames in and out of SQLite at one go: a thread that steps through rows gives way to the others at each of them.

In the tables held and outbox, (id, frame). A frame's head is its first 20 bytes: header fields up to the generation time.
"""

import sqlite3
from collections.abc import Iterator

import numpy as np

from .zones import HEAD_BYTES, ZONE_ROWS, Numbers

_NEXT = "SELECT id, length(frame) AS size, hex(substr(frame, 1, ?)) AS head FROM {} WHERE id > ? ORDER BY id LIMIT ?"


def insert_rows(connection: sqlite3.Connection, table: str, rows: list[tuple[int, bytes]]) -> None:
    """Inserts (id, frame) rows, in order of their ids; in the caller's transaction."""
    first_id = rows[0][0]
    if rows[-1][0] - first_id != len(rows) - 1:
        connection.executemany(f"INSERT INTO {table} (id, frame) VALUES (?, ?)", rows)  # noqa: S608  # nosec B608  # names of ours, values are bound
        return
    # Half the time of executemany: the frames in one piece, and where each of them lies.
    places, at = [], 1
    for _, frame in rows:
        places.append(at << 11 | len(frame))
        at += len(frame)
    connection.execute(
        f"INSERT INTO {table} (id, frame) SELECT ?1 + key, substr(?2, value >> 11, value & 2047) FROM json_each(?3)",  # noqa: S608  # nosec B608  # names of ours, values are bound
        (first_id, b"".join([frame for _, frame in rows]), str(places)),
    )


def next_heads(connection: sqlite3.Connection, table: str, after_id: int, most: int) -> tuple[int, int, bytes] | None:
    """(first id, last id, heads one after the other) of the next rows; None if there are none."""
    first_id, last_id, heads = connection.execute(
        f"SELECT min(id), max(id), group_concat(head, '') FROM ({_NEXT.format(table)})",  # noqa: S608  # nosec B608  # names of ours, values are bound
        (HEAD_BYTES, after_id, most),
    ).fetchone()
    return None if first_id is None else (first_id, last_id, bytes.fromhex(heads))


def all_heads(connection: sqlite3.Connection, table: str) -> Iterator[tuple[Numbers, Numbers, bytes]]:
    """(ids, lengths of the frames, heads one after the other) of all rows, in parts."""
    after_id = 0
    while True:
        ids, sizes, heads = connection.execute(
            f"SELECT group_concat(id), group_concat(size), group_concat(head, '') FROM ({_NEXT.format(table)})",  # noqa: S608  # nosec B608  # names of ours, values are bound
            (HEAD_BYTES, after_id, ZONE_ROWS),
        ).fetchone()
        if ids is None:
            return
        rows = np.fromstring(ids, np.int64, sep=",")
        yield rows, np.fromstring(sizes, np.int64, sep=","), bytes.fromhex(heads)
        after_id = int(rows.max())
